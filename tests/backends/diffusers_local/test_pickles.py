"""Tensors out of old model files, and nothing run that lies in them."""

import asyncio
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from backends.converting import NotConverted, convert
from backends.diffusers_local import pickles
from backends.diffusers_local.pickles import Refused


def numbers(*shape: int) -> torch.Tensor:
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape) / 7


def converted(
    tmp_path: Path, value: Any, *, half: bool = False, legacy: bool = False
) -> dict[str, torch.Tensor]:
    torch.save(value, tmp_path / "old.ckpt", _use_new_zipfile_serialization=not legacy)
    pickles.convert(tmp_path / "old.ckpt", tmp_path / "new.safetensors", half=half)
    found: dict[str, torch.Tensor] = load_file(tmp_path / "new.safetensors")
    return found


@pytest.mark.parametrize("legacy", [False, True])
def test_every_tensor_is_the_same(tmp_path: Path, legacy: bool) -> None:
    given = {
        "a": numbers(3, 5),
        "turned": numbers(4, 6).t(),
        "part": numbers(100)[10:20:3],
        "half": numbers(2, 2).half(),
        "brain": numbers(7).bfloat16(),
        "whole": torch.arange(5),
        "flags": torch.tensor([True, False]),
        "one": torch.tensor(3.5),
        "none": torch.zeros(0, 4),
        "learnt": torch.nn.Parameter(numbers(2)),
    }
    found = converted(tmp_path, {"state_dict": given, "epoch": 4, "note": "x"}, legacy=legacy)
    assert found.keys() == given.keys()
    for name, tensor in given.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name], tensor.detach()), name


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (lambda: OrderedDict(w=numbers(2)), {"w"}),
        (lambda: {"params_ema": {"w": numbers(2)}, "params": {"v": numbers(2)}}, {"w"}),
        (lambda: {"model": {"w": numbers(2)}, "optimizer": {"state": {0: {"m": numbers(2)}}}}, {"w"}),
        (lambda: {"string_to_param": {"*": numbers(2, 8)}, "name": "cat"}, {"emb_params"}),
        (lambda: numbers(2, 8), {"emb_params"}),
        (lambda: {"unet": {"w": numbers(2)}, "vae": {"w": numbers(2)}}, {"unet.w", "vae.w"}),
    ],
)
def test_the_model_among_other_things(tmp_path: Path, value: Callable[[], Any], names: set[str]) -> None:
    assert converted(tmp_path, value()).keys() == names


def test_sixteen_bits_where_they_hold_the_numbers(tmp_path: Path) -> None:
    found = converted(
        tmp_path, {"w": numbers(9), "large": torch.tensor([1e6]), "count": torch.arange(3)}, half=True
    )
    assert found["w"].dtype == torch.float16
    assert torch.equal(found["w"], numbers(9).half())
    assert found["large"].dtype == torch.float32
    assert found["count"].dtype == torch.int64


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


class TestWhatIsRefused:
    @pytest.mark.parametrize("legacy", [False, True])
    def test_a_program_is_not_run(self, tmp_path: Path, legacy: bool) -> None:
        mark = tmp_path / "ran"
        with pytest.raises(Refused, match=r"Python object \((posix|nt)\.system\)"):
            converted(tmp_path, {"w": numbers(2), "x": Bomb(mark)}, legacy=legacy)
        assert not mark.exists()
        assert not (tmp_path / "new.safetensors").exists()

    def test_a_bare_pickle_with_a_program(self, tmp_path: Path) -> None:
        mark = tmp_path / "ran"
        (tmp_path / "old.bin").write_bytes(pickle.dumps(Bomb(mark)))
        with pytest.raises(Refused):
            pickles.convert(tmp_path / "old.bin", tmp_path / "new.safetensors", half=False)
        assert not mark.exists()

    @pytest.mark.parametrize("data", [b"", b"no model", b"\x80\x02}q\x00.", b"PK\x03\x04broken"])
    def test_what_is_no_model(self, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "old.pt").write_bytes(data)
        with pytest.raises(Refused):
            pickles.convert(tmp_path / "old.pt", tmp_path / "new.safetensors", half=False)

    def test_a_zip_of_other_things(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "old.pt", "w") as archive:
            archive.writestr("hello.txt", "x")
        with pytest.raises(Refused):
            pickles.convert(tmp_path / "old.pt", tmp_path / "new.safetensors", half=False)

    @pytest.mark.parametrize(
        "value",
        [
            {"w": torch.zeros(1).expand(1 << 34)},
            {"w": torch.zeros(2, dtype=torch.complex64)},
            {"w": torch.eye(3).to_sparse()},
            {"epoch": 3},
            [1, 2],
        ],
    )
    def test_tensors_that_cannot_be_written(self, tmp_path: Path, value: Any) -> None:
        with pytest.raises(Refused):
            converted(tmp_path, value)


class TestTheProcess:
    async def test_it_converts_and_tells(self, tmp_path: Path) -> None:
        torch.save({"w": numbers(4), "note": 1}, tmp_path / "old.pt")
        told = await convert(tmp_path / "old.pt", tmp_path / "new.safetensors", half=True)
        assert (told.tensors, told.dropped) == (1, 1)
        assert told.bytes == (tmp_path / "new.safetensors").stat().st_size
        assert torch.equal(load_file(tmp_path / "new.safetensors")["w"], numbers(4).half())

    async def test_it_tells_why_not(self, tmp_path: Path) -> None:
        torch.save({"x": Bomb(tmp_path / "ran")}, tmp_path / "old.pt")
        with pytest.raises(NotConverted, match=r"Python object"):
            await convert(tmp_path / "old.pt", tmp_path / "new.safetensors", half=False)
        assert not (tmp_path / "ran").exists()

    async def test_its_time_is_bounded(self, tmp_path: Path) -> None:
        torch.save({"w": numbers(4)}, tmp_path / "old.pt")
        with pytest.raises(NotConverted, match=r"not ready after 0 seconds"):
            await convert(tmp_path / "old.pt", tmp_path / "new.safetensors", half=False, seconds=0.05)
        await asyncio.sleep(0)

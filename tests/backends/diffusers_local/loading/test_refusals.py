"""Whatever is no file of its kind is refused with one sentence that names it, and no code of it runs."""

import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from backends.contract import ModelRef
from backends.diffusers_local.loading.parts import LOADERS
from backends.diffusers_local.loading.weights import ModelTrouble, bytes_of, read_header, stamp_of

KINDS = sorted(LOADERS)


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.mark,)


def header(**tensors: Any) -> bytes:
    text = json.dumps(tensors).encode()
    return struct.pack("<Q", len(text)) + text


SOME = save({"something.weight": torch.zeros(4, 4, 3, 3), "other.bias": torch.zeros(4)})
BROKEN = {
    "empty": b"",
    "junk": b"\xff" * 64,
    "text": b"<html><body>Please sign in to download</body></html>",
    "truncated": SOME[:-20],
    "longer": SOME + b"\0" * 20,
    "list": struct.pack("<Q", 2) + b"[]",
    "no_offsets": header(a={"dtype": "F32", "shape": [1]}),
    "short_offsets": header(a={"dtype": "F32", "shape": [1], "data_offsets": [0]}),
    "no_dtype": header(a={"shape": [1], "data_offsets": [0, 0]}),
    "odd_shape": header(a={"dtype": "F32", "shape": "one", "data_offsets": [0, 0]}),
    "deep": struct.pack("<Q", 60_000) + b"[" * 60_000,
}


def refused(kind: str, path: Path) -> str:
    """What is said of it."""
    with pytest.raises(ModelTrouble) as caught:
        LOADERS[kind](ModelRef(path.name, str(path)), torch.device("cpu"), torch.float32)
    said = str(caught.value)
    assert "\n" not in said
    assert "Traceback" not in said
    assert path.stem in said
    assert len(said) < 400
    return said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_file(kind: str, broken: str, tmp_path: Path) -> None:
    path = tmp_path / f"{broken}.safetensors"
    path.write_bytes(BROKEN[broken])
    refused(kind, path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["a.ckpt", "a.pt", "a.pth", "a.bin", "a.safetensors"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_of_python_objects_is_refused_and_never_opened(
    kind: str, name: str, zipped: bool, tmp_path: Path
) -> None:
    path, mark = tmp_path / name, tmp_path / "mark"
    if zipped:
        torch.save({"trap": Trap(mark)}, path)
    else:
        path.write_bytes(pickle.dumps({"trap": Trap(mark)}))
    said = refused(kind, path)
    assert ".safetensors" in said
    assert not mark.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_of_something_else(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(SOME)
    refused(kind, path)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_there_or_is_empty(kind: str, tmp_path: Path) -> None:
    refused(kind, tmp_path / "gone")
    refused(kind, tmp_path / "gone.safetensors")
    (tmp_path / "nothing").mkdir()
    refused(kind, tmp_path / "nothing")


def test_bytes_are_those_that_loading_takes(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    half = {"a": torch.zeros(10, dtype=torch.float16), "b": torch.zeros(3, dtype=torch.int64)}
    path.write_bytes(save(half))
    assert bytes_of(path) == path.stat().st_size
    assert bytes_of(path, 4) == 10 * 4 + 3 * 8
    assert bytes_of(path, 2) == 10 * 2 + 3 * 8
    assert bytes_of(tmp_path, 4) == bytes_of(path, 4)
    assert bytes_of(tmp_path / "gone", 4) == 0
    path.write_bytes(b"junk")
    assert bytes_of(path, 4) == 0


def test_of_two_precisions_one_is_counted(tmp_path: Path) -> None:
    part = tmp_path / "unet"
    part.mkdir()
    for name in ("model.safetensors", "model.fp16.safetensors"):
        (part / name).write_bytes(save({"a": torch.zeros(10)}))
    assert bytes_of(tmp_path, 4) == 40


def test_every_change_of_files_is_seen(tmp_path: Path) -> None:
    import os

    (tmp_path / "vae").mkdir()
    weights = tmp_path / "vae" / "model.safetensors"
    weights.write_bytes(SOME)
    first = stamp_of(tmp_path)
    assert stamp_of(tmp_path) == first
    os.utime(weights, ns=(1, 1))  # as a copy that keeps the times of an older file
    second = stamp_of(tmp_path)
    assert second != first
    weights.write_bytes(SOME + b"\0")
    os.utime(weights, ns=(1, 1))
    third = stamp_of(tmp_path)
    assert third != second
    (tmp_path / "vae" / "config.json").write_text("{}")
    assert stamp_of(tmp_path) != third


def test_a_header_is_given_once_the_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(SOME)
    assert read_header(path)["something.weight"]["shape"] == [4, 4, 3, 3]

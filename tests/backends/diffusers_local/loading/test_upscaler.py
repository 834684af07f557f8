"""Which files are taken as upscalers, and which are refused in words."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from backends.contract import ModelRef  # noqa: E402
from backends.diffusers_local.loading.upscaler import load_upscaler  # noqa: E402
from backends.diffusers_local.loading.weights import ModelTrouble  # noqa: E402
from tests.backends.diffusers_local.upscalers import KINDS, write_upscaler  # noqa: E402

CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [2, 4])
def test_kinds_and_scales_are_read_from_the_file(tmp_path: Path, kind: str, scale: int) -> None:
    upscaler = load_upscaler(write_upscaler(tmp_path / "a.safetensors", kind, scale), CPU, torch.float32)
    large = upscaler.enlarge(torch.rand(1, 3, 9, 12))
    assert large.shape == (1, 3, 9 * scale, 12 * scale)
    assert upscaler.scale == scale
    assert upscaler.size == upscaler.weight * 4 > 1000
    assert float(large.min()) >= 0
    assert float(large.max()) <= 1


def test_its_key_changes_with_its_file(tmp_path: Path) -> None:
    import os

    ref = write_upscaler(tmp_path / "a.safetensors")
    before = load_upscaler(ref, CPU, torch.float32).key
    os.utime(ref.path, (1, 1))
    assert load_upscaler(ref, CPU, torch.float32).key != before


def test_half_precision_where_the_network_bears_it(tmp_path: Path) -> None:
    upscaler = load_upscaler(write_upscaler(tmp_path / "a.safetensors"), CPU, torch.bfloat16)
    assert upscaler.network.dtype == torch.bfloat16
    assert upscaler.enlarge(torch.rand(1, 3, 8, 8)).dtype == torch.float32


def refused(ref: ModelRef) -> str:
    with pytest.raises(ModelTrouble) as trouble:
        load_upscaler(ref, CPU, torch.float32)
    return str(trouble.value)


def test_a_file_of_python_objects_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x4.pth"
    path.write_bytes(b"\x80\x02}q\x00.")
    assert "only .safetensors files are loaded" in refused(ModelRef("x4.pth", str(path)))


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    ref = write_upscaler(tmp_path / "cut.safetensors")
    data = Path(ref.path).read_bytes()
    Path(ref.path).write_bytes(data[:-100])
    assert "cut.safetensors" in refused(ref)


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lora.safetensors"
    save_file({"lora_unet_x.lora_up.weight": torch.zeros(4, 4)}, path)
    assert "of no kind this engine knows" in refused(ModelRef("lora", str(path)))


def test_a_network_that_does_not_enlarge_is_refused(tmp_path: Path) -> None:
    ref = write_upscaler(tmp_path / "x1.safetensors", "Compact", 1)
    assert "does not enlarge" in refused(ref)


def test_a_file_with_a_tensor_too_little_is_refused(tmp_path: Path) -> None:
    ref = write_upscaler(tmp_path / "gap.safetensors")
    from safetensors.torch import load_file

    state = load_file(ref.path)
    state.pop("body.2.bias")
    save_file(state, ref.path)
    assert "could not be loaded" in refused(ref)

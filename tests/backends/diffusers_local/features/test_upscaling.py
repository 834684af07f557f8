"""Enlarging by a network in tiles: the same picture as at once, of exactly the wanted size."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image as Picture  # noqa: E402

from backends.diffusers_local.features import upscaling  # noqa: E402
from backends.diffusers_local.features.upscaling import enlarge, tile_count  # noqa: E402
from backends.diffusers_local.loading.upscaler import Upscaler, load_upscaler  # noqa: E402
from tests.backends.diffusers_local.upscalers import write_upscaler  # noqa: E402

CPU = torch.device("cpu")


def run(pieces: Generator[int, None, Any]) -> tuple[Any, int]:
    """The result and the sum of what was done."""
    done = 0
    while True:
        try:
            done += next(pieces)
        except StopIteration as end:
            return end.value, done


@pytest.fixture
def upscaler(tmp_path: Path) -> Upscaler:
    return load_upscaler(write_upscaler(tmp_path / "a.safetensors", "Compact", 2), CPU, torch.float32)


def a_picture(width: int, height: int) -> Picture.Image:
    values = np.random.default_rng(1).integers(0, 256, (height // 10, width // 10, 3), dtype=np.uint8)
    return Picture.fromarray(values).resize((width, height), Picture.Resampling.BICUBIC)


@torch.inference_mode()
def test_tiles_make_the_picture_that_the_whole_makes(
    upscaler: Upscaler, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = a_picture(200, 130)
    whole, _ = run(enlarge(picture, upscaler, (400, 260)))
    monkeypatch.setattr(upscaling, "_SMALLEST", 64)
    monkeypatch.setattr(upscaling, "_LARGEST", 64)
    tiled, done = run(enlarge(picture, upscaler, (400, 260)))
    assert done == tile_count(picture.size, upscaler) == 6 * 4
    difference = np.abs(np.asarray(whole).astype(int) - np.asarray(tiled))
    assert difference.max() <= 1


@torch.inference_mode()
@pytest.mark.parametrize("size", [(200, 130), (301, 195), (97, 66), (800, 520)])
def test_the_result_has_exactly_the_wanted_size(upscaler: Upscaler, size: tuple[int, int]) -> None:
    enlarged, _ = run(enlarge(a_picture(100, 65), upscaler, size))
    assert enlarged.size == size


def test_heavier_networks_take_smaller_tiles(upscaler: Upscaler) -> None:
    assert upscaling.tile_side(upscaler) == 512
    upscaler.weight = 1_000_000
    assert 96 <= upscaling.tile_side(upscaler) < 512
    upscaler.weight = 16_700_000
    assert upscaling.tile_side(upscaler) == 96
    upscaler.whole = True
    assert tile_count((4000, 4000), upscaler) == 1


@torch.inference_mode()
def test_a_network_of_no_numbers_is_told(upscaler: Upscaler) -> None:
    next(upscaler.network.model.parameters()).fill_(float("nan"))
    with pytest.raises(ValueError, match="made no numbers"):
        run(enlarge(a_picture(40, 40), upscaler, (80, 80)))

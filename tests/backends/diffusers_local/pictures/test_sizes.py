import itertools

import numpy as np
import pytest
from PIL import Image as Picture

from backends.diffusers_local.pictures.pictures import fit, open_picture, place_start
from backends.diffusers_local.pictures.sizes import plan_size

NATIVE = ((256, 256), (384, 256), (256, 384))


@pytest.mark.parametrize("native", [(), NATIVE])
def test_every_size_is_covered_and_met(native: tuple[tuple[int, int], ...]) -> None:
    for width, height in itertools.product((1, 64, 100, 255, 256, 512, 1000), repeat=2):
        plan = plan_size(width, height, native, 8)
        assert plan.scaled[0] >= width
        assert plan.scaled[1] >= height
        assert plan.scaled[0] == width or plan.scaled[1] == height or not native
        left, top, right, bottom = plan.region
        assert 0 <= left < right <= plan.drawn[0]
        assert 0 <= top < bottom <= plan.drawn[1]
        assert fit(Picture.new("RGB", plan.drawn), plan).size == (width, height)


def test_the_shape_decides_before_the_area() -> None:
    assert plan_size(1024, 1024, NATIVE, 8).drawn == (256, 256)
    assert plan_size(1216, 832, NATIVE, 8).drawn == (384, 256)
    assert plan_size(832, 1216, NATIVE, 8).drawn == (256, 384)
    assert plan_size(512, 512, ((256, 256), (512, 512)), 8).drawn == (512, 512)


def test_the_crop_keeps_what_there_is_to_see() -> None:
    drawing = Picture.new("RGB", (256, 256), (10, 10, 200))
    drawing.paste((250, 20, 20), (60, 20, 110, 70))
    plan = plan_size(256, 128, ((256, 256),), 8)
    kept = np.asarray(fit(drawing, plan))
    assert (kept[:, :, 0] > 200).sum() == 50 * 50
    flat = np.asarray(fit(Picture.new("RGB", (256, 256)), plan))
    assert flat.shape == (128, 256, 3)


def test_a_start_fills_what_the_crop_keeps() -> None:
    plan = plan_size(256, 128, ((256, 256),), 8)
    start = Picture.new("RGB", (256, 128))
    start.paste((255, 255, 255), (0, 0, 256, 1))
    placed = place_start(start, plan)
    assert placed.size == (256, 256)
    back = fit(placed, plan, centred=True)
    assert np.array_equal(np.asarray(back), np.asarray(start))


def test_transparent_parts_are_white() -> None:
    import io

    out = io.BytesIO()
    Picture.new("RGBA", (4, 4), (0, 0, 0, 0)).save(out, "PNG")
    assert open_picture(out.getvalue()).getpixel((0, 0)) == (255, 255, 255)

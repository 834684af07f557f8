"""Masks, borders and boxes: which pixels are drawn, and which stay to the last level."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from backends.contract import ModelRef, Work
from backends.diffusers_local.features.canvas import Canvas, grow, lay_canvas, open_mask
from backends.diffusers_local.pictures.sizes import plan_size

PLAIN: dict[str, Any] = {"maskblur": 0}


def png(picture: Picture.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def noise(width: int, height: int) -> Picture.Image:
    levels = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Picture.fromarray(levels)


def spot(width: int, height: int, box: tuple[int, int, int, int]) -> Picture.Image:
    mask = Picture.new("L", (width, height))
    mask.paste(255, box)
    return mask


def lay(
    init: Picture.Image,
    mask: Picture.Image | None = None,
    size: tuple[int, int] | None = None,
    native: tuple[tuple[int, int], ...] = (),
    **extra: Any,
) -> Canvas:
    width, height = size or init.size
    work = Work(
        "t",
        "u",
        "s",
        ModelRef("m", "m"),
        "",
        width=width,
        height=height,
        init_image=png(init),
        mask=None if mask is None else png(mask),
        extra=extra,
    )
    canvas = lay_canvas(work, plan_size(width, height, native, 8))
    assert canvas is not None
    return canvas


def array(picture: Picture.Image | None) -> np.ndarray:
    assert picture is not None
    return np.asarray(picture).astype(int)


class TestMask:
    def test_without_one_everything_is_drawn(self) -> None:
        canvas = lay(noise(64, 64))
        assert canvas.mask is None
        drawing = Picture.new("RGB", (64, 64))
        assert canvas.finish(drawing) is drawing

    def test_a_hard_mask_stays_hard(self) -> None:
        mask = spot(64, 64, (8, 8, 24, 40))
        canvas = lay(noise(64, 64), mask, **PLAIN)
        assert np.array_equal(array(canvas.mask), array(mask))

    def test_blur_softens_and_grow_widens(self) -> None:
        mask = spot(64, 64, (24, 24, 40, 40))
        soft = array(lay(noise(64, 64), mask, maskblur=3).mask)
        assert 0 < soft[22, 32] < 128 < soft[26, 32] < 255
        wide = array(lay(noise(64, 64), mask, maskgrow=5, **PLAIN).mask)
        assert np.array_equal(np.argwhere(wide[32] > 0).ravel(), np.arange(19, 45))

    @pytest.mark.parametrize("pixels", [0, 1, 2, 3, 7, 40, 300])
    def test_growing_reaches_exactly_so_far(self, pixels: int) -> None:
        mask = np.zeros((40, 60), np.uint8)
        mask[20, 30] = 200
        rows, columns = np.indices(mask.shape)
        near = (abs(rows - 20) <= pixels) & (abs(columns - 30) <= pixels)
        assert np.array_equal(grow(mask, pixels), np.where(near, 200, 0))

    def test_transparent_parts_of_a_mask_are_kept(self) -> None:
        mask = Picture.new("RGBA", (8, 8), (255, 255, 255, 0))
        mask.paste((255, 255, 255, 255), (0, 0, 4, 8))
        levels = array(open_mask(png(mask)))
        assert (levels[:, :4] == 255).all()
        assert (levels[:, 4:] == 0).all()

    def test_the_original_is_put_back_unless_told_otherwise(self) -> None:
        init, drawing = noise(64, 64), Picture.new("RGB", (64, 64), (1, 2, 3))
        mask = spot(64, 64, (0, 0, 32, 64))
        finished = array(lay(init, mask, **PLAIN).finish(drawing))
        assert (finished[:, :32] == (1, 2, 3)).all()
        assert np.array_equal(finished[:, 32:], array(init)[:, 32:])
        whole = lay(init, mask, initimagerecompositemask=False, **PLAIN).finish(drawing)
        assert np.array_equal(array(whole), array(drawing))

    def test_inpainting_encode_hides_what_is_redrawn(self) -> None:
        init = noise(64, 64)
        canvas = lay(init, spot(64, 64, (0, 0, 32, 64)), useinpaintingencode=True, **PLAIN)
        assert (array(canvas.start)[:, :32] == 128).all()
        assert np.array_equal(array(canvas.start)[:, 32:], array(init)[:, 32:])
        assert np.array_equal(array(canvas.whole), array(init))

    def test_transparency_is_the_mask_when_masks_are_spoken_of(self) -> None:
        init = noise(64, 64).convert("RGBA")
        init.paste((0, 0, 0, 0), (0, 0, 16, 64))
        assert lay(init).mask is None
        mask = array(lay(init, maskbehavior="Simple Latent", **PLAIN).mask)
        assert (mask[:, :16] == 255).all()
        assert (mask[:, 16:] == 0).all()


class TestBox:
    def test_the_masked_part_is_drawn_enlarged_and_pasted_back(self) -> None:
        init = noise(256, 128)
        canvas = lay(init, spot(256, 128, (100, 40, 132, 56)), maskshrinkgrow=8, **PLAIN)
        assert canvas.box is not None
        left, top, right, bottom = canvas.box
        assert left <= 92 and top <= 32 and right >= 140 and bottom >= 64
        assert (right - left, bottom - top) < (128, 64)
        assert canvas.start.size == canvas.plan.drawn == (256, 128)
        assert canvas.plan.wanted == (right - left, bottom - top)
        finished = array(canvas.finish(Picture.new("RGB", canvas.plan.wanted, (9, 9, 9))))
        assert (finished[40:56, 100:132] == 9).all()
        outside = np.ones((128, 256), bool)
        outside[40:56, 100:132] = False
        assert np.array_equal(finished[outside], array(init)[outside])

    def test_it_is_drawn_at_the_models_size(self) -> None:
        canvas = lay(
            noise(200, 200), spot(200, 200, (90, 90, 110, 110)), native=((64, 64),), maskshrinkgrow=0
        )
        assert canvas.start.size == (64, 64)
        assert canvas.plan.wanted == (20, 20)

    def test_an_empty_mask_has_none(self) -> None:
        assert lay(noise(64, 64), Picture.new("L", (64, 64)), maskshrinkgrow=8).box is None


class TestOutpaint:
    def test_the_picture_lies_inside_and_the_border_is_masked(self) -> None:
        init = noise(64, 64)
        canvas = lay(init, size=(96, 80), outpaintleft=16, outpaintright=16, outpaintbottom=16, maskblur=0)
        assert canvas.start.size == (96, 80)
        assert np.array_equal(array(canvas.start)[:64, 16:80], array(init))
        mask = array(canvas.mask)
        assert (mask[:64, 16:80] == 0).all()
        assert (mask[:, :16] == 255).all() and (mask[:, 80:] == 255).all() and (mask[64:] == 255).all()

    def test_the_border_goes_on_from_the_edge(self) -> None:
        init = Picture.new("RGB", (64, 64), (200, 40, 40))
        border = array(lay(init, size=(96, 64), outpaintright=32).start)[:, 64:]
        assert abs(border.mean(axis=(0, 1)) - (200, 40, 40)).max() < 8
        assert border.std(axis=(0, 1)).min() > 5

    def test_the_seam_is_soft_and_covers_the_edge(self) -> None:
        mask = array(lay(noise(64, 64), size=(96, 64), outpaintright=32, maskblur=4).mask)[32]
        assert mask[66] > 240
        assert 0 < mask[52] < 200
        assert mask[30] == 0

    def test_the_users_mask_counts_too(self) -> None:
        mask = array(
            lay(noise(64, 64), spot(64, 64, (0, 0, 8, 8)), (96, 64), outpaintright=32, maskblur=0).mask
        )
        assert mask[4, 4] == mask[40, 80] == 255
        assert mask[40, 20] == 0

    def test_no_room_is_refused(self) -> None:
        with pytest.raises(ValueError, match="outpaintleft and outpaintright are together 64 pixels"):
            lay(noise(64, 64), outpaintleft=32, outpaintright=32)

    def test_it_needs_a_picture(self) -> None:
        work = Work("t", "u", "s", ModelRef("m", "m"), "", extra={"outpainttop": 8})
        with pytest.raises(ValueError, match="needs an initial picture"):
            lay_canvas(work, plan_size(512, 512, (), 8))


@pytest.mark.parametrize("value", ["x", -1, float("nan"), float("inf"), 1e9])
@pytest.mark.parametrize("name", ["maskblur", "maskgrow", "maskshrinkgrow", "initimagenoise", "outpaintleft"])
def test_what_is_no_amount_is_refused(name: str, value: str | float) -> None:
    extra: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=f"{name} is .*; it is a number from 0 to"):
        lay(noise(64, 64), Picture.new("L", (64, 64), 255), **extra)


def test_noise_on_the_initial_picture() -> None:
    init = Picture.new("RGB", (64, 64), (128, 128, 128))
    once, again = (array(lay(init, initimagenoise=0.2).start) for _ in range(2))
    assert np.array_equal(once, again)
    assert 15 < once.std() < 40

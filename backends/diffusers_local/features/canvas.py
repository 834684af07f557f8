"""The canvas of a work with an initial picture: that picture as the model draws on it, what of it is redrawn,
and how the drawing goes back into it.

Pure: pictures in, pictures out; nothing here knows of latents.
"""

from dataclasses import dataclass

import numpy as np
from diffusers.image_processor import VaeImageProcessor
from PIL import Image as Picture
from PIL import ImageFilter

from backends.contract import Work
from backends.diffusers_local.features.amounts import amount
from backends.diffusers_local.features.outpaint import Borders
from backends.diffusers_local.pictures import pictures
from backends.diffusers_local.pictures.sizes import SizePlan

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the result."""

_BLUR = 4.0  # pixels, SwarmUI's default of `maskblur`
_GREY = (128, 128, 128)

_resizer = VaeImageProcessor()


@dataclass(frozen=True, slots=True)
class Canvas:
    """`start` and `mask` (white is redrawn; None: everything) have the size that the model draws, `whole` and
    `soft` (the mask with its soft edge) that of the result.

    `plan` says how the drawing becomes `box`, the part of the result that is drawn (None: all of it).
    Without `recomposite` the drawing is delivered as it is, also where nothing was to be redrawn.
    """

    plan: SizePlan
    start: Picture.Image
    mask: Picture.Image | None
    whole: Picture.Image
    soft: Picture.Image | None
    box: Box | None = None
    recomposite: bool = True

    def place(self, picture: Picture.Image) -> Picture.Image:
        """Another picture of the result (a control), as the model draws it."""
        return _place(pictures.cover(picture, self.whole.size), self.plan, self.box)

    def finish(self, picture: Picture.Image) -> Picture.Image:
        """A drawing, already of its part's size, in the result: exactly the original where nothing was
        redrawn.
        """
        if self.box is not None:
            drawn = self.whole.copy()
            drawn.paste(picture, self.box[:2])
            picture = drawn
        if self.soft is None or not self.recomposite:
            return picture
        return Picture.composite(picture, self.whole, self.soft)


def lay_canvas(work: Work, plan: SizePlan) -> Canvas | None:
    """The work's canvas; None when it has no initial picture. `plan` is for the whole result.

    Raises ValueError for files that are no pictures and borders that leave no room.
    """
    borders = Borders.of(work)
    if work.init_image is None:
        return None
    picture, clear = _open_layers(work.init_image)
    whole = borders.extend(picture, plan.wanted, work.seed)
    blur = amount(work, "maskblur", _BLUR, 256)
    mask = _mask(work, borders, clear, plan.wanted, round(2 * blur))
    if noise := amount(work, "initimagenoise", 0, 10):
        whole = _roughen(whole, noise, work.seed)
    if mask is None:
        return Canvas(plan, _place(whole, plan, None), None, whole, None)
    soft = mask.filter(ImageFilter.GaussianBlur(blur)) if blur else mask
    box = _box(work, mask, plan.drawn)
    if box is not None:
        size = (box[2] - box[0], box[3] - box[1])
        plan = SizePlan(plan.drawn, _covering(plan.drawn, size), size)
    before = whole
    if work.extra.get("useinpaintingencode"):
        before = whole.copy()
        before.paste(_GREY, mask=mask.point(lambda level: 255 if level >= 128 else 0))
    return Canvas(
        plan=plan,
        start=_place(before, plan, box),
        mask=_place(soft.convert("RGB"), plan, box).convert("L"),
        whole=whole,
        soft=soft,
        box=box,
        recomposite=bool(work.extra.get("initimagerecompositemask", True)),
    )


def _open_layers(data: bytes) -> tuple[Picture.Image, Picture.Image | None]:
    """A picture as RGB on white, and what is transparent in it (white; None: nothing)."""
    layers = pictures.open_layers(data)
    if layers.mode == "RGB":
        return layers, None
    alpha = layers.getchannel("A")
    clear = alpha.point(lambda level: 255 - level)
    return pictures.flatten(layers), clear if clear.getbbox() else None


def _mask(
    work: Work, borders: Borders, clear: Picture.Image | None, wanted: tuple[int, int], overlap: int
) -> Picture.Image | None:
    """What is redrawn (white) in pixels of the result: the work's mask, the border, and what is transparent
    where the work speaks of masks at all; grown as it asks. None: everything.
    """
    given: Picture.Image | None = None
    if work.mask is not None:
        given = open_mask(work.mask)
    elif clear is not None and (borders.any or "maskbehavior" in work.extra):
        given = clear
    if given is None and not borders.any:
        return None
    mask = np.asarray(borders.mask(wanted, overlap))
    if given is not None:
        mask = np.maximum(mask, np.asarray(borders.surround(given, wanted)))
    return Picture.fromarray(grow(mask, round(amount(work, "maskgrow", 0, 1024))))


def open_mask(data: bytes) -> Picture.Image:
    """A mask file in grey; its transparent parts are kept, as if they were black. Raises ValueError."""
    layers = pictures.open_layers(data)
    if layers.mode == "RGB":
        return layers.convert("L")
    ground = Picture.new("RGBA", layers.size, (0, 0, 0, 255))
    return Picture.alpha_composite(ground, layers).convert("L")


def grow(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Every pixel (height, width) becomes the largest within so many pixels, in a square around it."""
    for axis in (0, 1):
        done = 0
        # a reach doubles with each turn: ten turns for a thousand pixels
        while done < pixels:
            step = min(done + 1, pixels - done)
            wide = np.pad(mask, [(step, step) if axis == a else (0, 0) for a in (0, 1)])
            length = mask.shape[axis]
            before = np.take(wide, range(length), axis)
            after = np.take(wide, range(2 * step, 2 * step + length), axis)
            mask = np.maximum(mask, np.maximum(before, after))
            done += step
    return mask


def _box(work: Work, mask: Picture.Image, drawn: tuple[int, int]) -> Box | None:
    """The part around the mask that is drawn enlarged, when the work asks for that; of the drawing's shape
    where it has room. Source: swarm-api, `maskshrinkgrow`.
    """
    if "maskshrinkgrow" not in work.extra or mask.getbbox() is None:
        return None
    pad = round(amount(work, "maskshrinkgrow", 0, 4096))
    left, top, right, bottom = VaeImageProcessor.get_crop_region(mask, *drawn, pad=pad)
    return left, top, right, bottom


def _covering(drawn: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    scale = max(size[0] / drawn[0], size[1] / drawn[1])
    return max(size[0], round(drawn[0] * scale)), max(size[1], round(drawn[1] * scale))


def _place(picture: Picture.Image, plan: SizePlan, box: Box | None) -> Picture.Image:
    """A picture of the result's size as the model draws it: all of it, or the box."""
    if box is None:
        return pictures.place_start(picture, plan)
    width, height = plan.drawn
    placed: Picture.Image = _resizer.resize(picture.crop(box), height, width, resize_mode="fill")
    return placed


def _roughen(picture: Picture.Image, amount: float, seed: int) -> Picture.Image:
    """The picture with noise: at 1 as strong as half the range of its levels."""
    levels = np.asarray(picture, dtype=np.float32)
    noise = np.random.default_rng(seed).normal(0, 127.5 * amount, levels.shape)
    return Picture.fromarray(np.clip(levels + noise, 0, 255).round().astype(np.uint8))

"""Outpainting: the initial picture lies inside a larger one, and the border around it is drawn.

The width and height of a work are the whole result, border included. Pure: pictures in, pictures out.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image as Picture
from PIL import ImageFilter

from backends.contract import Work
from backends.diffusers_local.features.amounts import amount
from backends.diffusers_local.pictures.pictures import cover

_MOST = 16384  # pixels at a side
_NOISE = 24.0  # levels: enough that a border drawn out from the edge does not stay a smear of stripes
_SMOOTH = 8.0  # pixels: what lies far outside keeps the edge's colours, not its lines

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Borders:
    """Pixels of the result to draw at each side of the initial picture."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    @classmethod
    def of(cls, work: Work) -> "Borders":
        """What the work asks for. Raises ValueError when no room is left for the picture."""
        names = (f"outpaint{side}" for side in ("left", "top", "right", "bottom"))
        borders = cls(*(round(amount(work, name, 0, _MOST)) for name in names))
        if borders.any and work.init_image is None:
            raise ValueError("Outpainting needs an initial picture to go on from.")
        for first, second, length, name in (
            ("left", "right", work.width, "wide"),
            ("top", "bottom", work.height, "high"),
        ):
            taken = getattr(borders, first) + getattr(borders, second)
            if taken >= length:
                raise ValueError(
                    f"outpaint{first} and outpaint{second} are together {taken} pixels and the whole result, "
                    f"border included, is only {length} {name}: ask for a smaller border or a larger picture."
                )
        return borders

    @property
    def any(self) -> bool:
        """There is a border."""
        return bool(self.left or self.top or self.right or self.bottom)

    def inner(self, wanted: Size) -> Size:
        """Width and height that the initial picture gets of a result of `wanted` pixels."""
        return wanted[0] - self.left - self.right, wanted[1] - self.top - self.bottom

    @property
    def _around(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return (self.top, self.bottom), (self.left, self.right)

    def extend(self, picture: Picture.Image, wanted: Size, seed: int) -> Picture.Image:
        """The picture with its border: its edge drawn out, blurred and with noise in it."""
        placed = cover(picture, self.inner(wanted))
        if not self.any:
            return placed
        drawn_out = Picture.fromarray(np.pad(np.asarray(placed), (*self._around, (0, 0)), mode="edge"))
        smooth = np.asarray(drawn_out.filter(ImageFilter.GaussianBlur(_SMOOTH)), dtype=np.float32)
        noise = np.random.default_rng(seed).normal(0, _NOISE, smooth.shape)
        border = Picture.fromarray(np.clip(smooth + noise, 0, 255).round().astype(np.uint8))
        border.paste(placed, (self.left, self.top))
        return border

    def mask(self, wanted: Size, overlap: int) -> Picture.Image:
        """White where the border is and `overlap` pixels into the picture, so that a blurred seam still
        covers the edge.
        """
        mask = Picture.new("L", wanted)
        if self.any:
            inner = self.inner(wanted)
            reach = min(overlap, min(inner) // 4)
            left, top, right, bottom = (
                side and side + reach for side in (self.left, self.top, self.right, self.bottom)
            )
            mask.paste(255, (0, 0, *wanted))
            mask.paste(0, (left, top, wanted[0] - right, wanted[1] - bottom))
        return mask

    def surround(self, mask: Picture.Image, wanted: Size) -> Picture.Image:
        """A mask of the initial picture, placed like it; nothing of the border is in it."""
        placed = cover(mask, self.inner(wanted))
        if not self.any:
            return placed
        return Picture.fromarray(np.pad(np.asarray(placed), self._around))

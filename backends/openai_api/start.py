"""What is redrawn: the initial picture as it is sent, the mask over it, and how the result goes back into it.

The API marks what is to be redrawn by transparency, in a file of the picture's own size; the models may
change a little of the rest too, which is put back afterwards.
"""

import io
from dataclasses import dataclass

from PIL import Image as Picture
from PIL import ImageFilter

from backends.contract import Work
from backends.hosted.calls import File
from backends.hosted.picture import cover, flatten, open_picture, surround
from backends.hosted.shapes import Size

_MOST_BLUR = 64.0  # pixels


@dataclass(frozen=True, slots=True)
class Start:
    """An initial picture of the work's size, and which part of it is redrawn (white, with its soft edge;
    None: all of it).
    """

    whole: Picture.Image
    mask: Picture.Image | None

    def parts(self, shape: Size) -> tuple[tuple[str, File], ...]:
        """The files of the form, laid out in the shape that is drawn."""
        laid = surround(self.whole, shape)
        parts: tuple[tuple[str, File], ...] = (("image", ("start.png", _png(laid), "image/png")),)
        if self.mask is not None:
            cut = laid.convert("RGBA")
            cut.putalpha(surround(self.mask, shape, fill=0).point(lambda level: 255 - level))
            parts += (("mask", ("mask.png", _png(cut), "image/png")),)
        return parts

    def put_back(self, drawn: Picture.Image) -> Picture.Image:
        """The drawing where the mask is white, the initial picture's own pixels where it is black."""
        if self.mask is None:
            return drawn
        return Picture.composite(flatten(drawn), self.whole, self.mask)


def start_of(work: Work) -> Start | None:
    """The start of a work; None when it has none. Raises Refused for files that are no pictures."""
    if work.init_image is None:
        return None
    size = (work.width, work.height)
    whole = cover(flatten(open_picture(work.init_image, "Init Image")), size)
    if work.mask is None:
        return Start(whole, None)
    mask = cover(_grey(open_picture(work.mask, "Mask Image")), size)
    blur = work.extra.get("maskblur", 0)
    if isinstance(blur, int | float) and blur > 0:
        mask = mask.filter(ImageFilter.GaussianBlur(min(float(blur), _MOST_BLUR)))
    return Start(whole, mask)


def _grey(layers: Picture.Image) -> Picture.Image:
    """What is transparent in a mask is kept, as if it were black."""
    if layers.mode != "RGBA":
        return layers.convert("L")
    ground = Picture.new("RGBA", layers.size, (0, 0, 0, 255))
    return Picture.alpha_composite(ground, layers).convert("L")


def _png(picture: Picture.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=6)
    return out.getvalue()

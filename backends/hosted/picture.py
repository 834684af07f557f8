"""Pictures on their way to a service and back: starts laid out in its shape, results in exactly the wanted
size.

Everything here computes for a while: called in a thread.
"""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image as Picture

from backends.contract import Work
from backends.hosted.refused import Refused, about
from backends.hosted.shapes import Size

_MOST_PIXELS = 64_000_000
_PREVIEW = 512  # pixels of the longer side
_READ = ("PNG", "JPEG", "WEBP")
_HALVED_COLOURS = 90  # highest JPEG quality at which colours are kept at half the resolution
_ENCODINGS: dict[str, tuple[str, dict[str, int | bool]]] = {
    "PNG": ("PNG", {"compress_level": 1}),
    "JPG": ("JPEG", {"optimize": True}),
    "WEBP": ("WEBP", {"method": 2}),
    "WEBP_LOSSLESS": ("WEBP", {"lossless": True, "method": 0}),
}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A file of exactly the wanted size. `drawn` is the size the service gave, `words` what was done to it
    ("" when nothing was).
    """

    data: bytes
    drawn: Size
    words: str = ""


def open_picture(data: bytes, what: str) -> Picture.Image:
    """An encoded picture as RGB, or RGBA when it has transparent parts. Raises Refused naming `what`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Picture.DecompressionBombWarning)
            with Picture.open(io.BytesIO(data), formats=_READ) as opened:
                if opened.width * opened.height > _MOST_PIXELS:
                    raise about(
                        what, f"it has {opened.width}x{opened.height} pixels, more than is read here."
                    )
                opened.load()
                layered = opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info
                return opened.convert("RGBA" if layered else "RGB")
    except (OSError, SyntaxError, ValueError, Picture.DecompressionBombError) as error:
        raise about(what, "this is no picture that can be read (PNG, JPEG or WebP).") from error


def fit(
    data: bytes, work: Work, service: str, finish: Callable[[Picture.Image], Picture.Image] | None = None
) -> Fitted:
    """What the service gave as exactly the work's size and format: scaled to cover it, cropped in the middle.

    A PNG that is right already stays as it is, byte for byte, unless there is a `finish` to be called with
    it. Raises Refused.
    """
    try:
        picture = open_picture(data, f"The answer of {service}")
    except Refused as wrong:
        raise Refused(wrong.reason) from wrong  # about no parameter
    drawn, wanted = picture.size, (work.width, work.height)
    if finish is None and drawn == wanted and work.format == "PNG" and data.startswith(b"\x89PNG"):
        return Fitted(data, drawn)
    words = []
    if drawn != wanted:
        scaled = _covering(drawn, wanted)
        if scaled != drawn:
            words.append("enlarged" if scaled > drawn else "reduced")
        if scaled != wanted:
            words.append("cropped")
        picture = cover(picture, wanted)
    if finish is not None:
        picture = finish(picture)
    return Fitted(encode(picture, work.format, work.quality), drawn, " and ".join(words))


def preview(data: bytes) -> bytes | None:
    """An unfinished picture as a small JPEG; None for what is none."""
    try:
        picture = flatten(open_picture(data, "A preview"))
    except Refused:
        return None
    picture.thumbnail((_PREVIEW, _PREVIEW))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


def cover(picture: Picture.Image, size: Size) -> Picture.Image:
    """The picture scaled to cover `size` and cropped in the middle."""
    if picture.size == size:
        return picture
    width, height = _covering(picture.size, size)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    scaled = picture.resize((width, height), Picture.Resampling.LANCZOS)
    return scaled.crop((left, top, left + size[0], top + size[1]))


def surround(picture: Picture.Image, ratio: Size, fill: int | None = None) -> Picture.Image:
    """The picture in the middle of a larger one of about this ratio, so that what `fit` crops is not its own.

    Around it its edges are drawn out, or every channel is `fill`.
    """
    width, height = picture.size
    across, down = (
        max(width, round(height * ratio[0] / ratio[1])),
        max(height, round(width * ratio[1] / ratio[0])),
    )
    if (across, down) == picture.size:
        return picture
    left, top = (across - width) // 2, (down - height) // 2
    around: list[tuple[int, int]] = [(top, down - height - top), (left, across - width - left)]
    values = np.asarray(picture)
    around += [(0, 0)] * (values.ndim - 2)
    if fill is None:
        return Picture.fromarray(np.pad(values, around, mode="edge"))
    return Picture.fromarray(np.pad(values, around, constant_values=fill))


def encode(picture: Picture.Image, format_: str, quality: int) -> bytes:
    """The picture as a file; formats are those of contract.Work."""
    kind, options = _ENCODINGS[format_]
    if kind == "JPEG" or format_ == "WEBP":
        options = options | {"quality": max(1, min(100, quality))}
    if kind == "JPEG":  # 0 is 4:4:4, 2 is 4:2:0
        options = options | {"subsampling": 0 if quality > _HALVED_COLOURS else 2}
        picture = flatten(picture)
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def flatten(picture: Picture.Image) -> Picture.Image:
    """A picture as RGB, transparent parts on white."""
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    ground = Picture.new("RGBA", picture.size, (255, 255, 255, 255))
    return Picture.alpha_composite(ground, picture).convert("RGB")


def _covering(size: Size, wanted: Size) -> Size:
    scale = max(wanted[0] / size[0], wanted[1] / size[1])
    return max(wanted[0], round(size[0] * scale)), max(wanted[1], round(size[1] * scale))

"""One file of a batch: read, turned upright, made fit, and what its size asks of a request. Blocking."""

import base64
from io import BytesIO
from pathlib import Path

from msgspec import Struct
from PIL import Image, ImageOps, UnidentifiedImageError

MOST_BYTES = 64 << 20
_FORMATS = ("PNG", "JPEG", "WEBP")
_ORIENTATION = 0x0112  # EXIF tag (EXIF 2.32 §4.6.4)
_UPRIGHT = 1
_STEP = 16
_LEAST, _MOST = 64, 16384  # pixels that a side of a request may have

FROM_PARAMETER, FROM_IMAGE = "From Parameter", "From Image"
TO_MODEL, TO_MODEL_OR_ABOVE, TO_SIDE = "Scale To Model", "Scale To Model Or Above", "Scale To Side Length"
MODES = (FROM_PARAMETER, FROM_IMAGE, TO_MODEL, TO_MODEL_OR_ABOVE, TO_SIDE)
"""How the size of a result follows from its picture's (swarm-api §2.7)."""


class Unusable(Exception):
    """The file is no picture that can be taken; the text says why."""


class Source(Struct, frozen=True):
    """A picture of a batch: its `url` as parameters take it, and the `size` that it asks for, None for the
    request's own."""

    url: str
    size: tuple[int, int] | None


def read_source(file: Path, mode: str, model_size: tuple[int, int], side: int, megapixels: float) -> Source:
    """The picture in a file. `model_size` is what the model draws best and `side` a length, in pixels.

    Raises Unusable.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as trouble:
        raise Unusable(f"it cannot be read ({trouble.strerror or trouble})") from trouble
    if len(data) > MOST_BYTES:
        raise Unusable(f"it is larger than {MOST_BYTES >> 20} MiB")
    try:
        return _source(data, mode, model_size, side, megapixels)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as bad:
        raise Unusable("it is no readable PNG, JPEG or WebP") from bad


def _source(data: bytes, mode: str, model_size: tuple[int, int], side: int, megapixels: float) -> Source:
    with Image.open(BytesIO(data), formats=_FORMATS) as opened:
        if opened.width * opened.height > megapixels * 1e6:
            raise Unusable(
                f"it has {opened.width}x{opened.height} pixels, more than {megapixels:g} megapixels"
            )
        kind = str(opened.format).lower()
        if opened.getexif().get(_ORIENTATION, _UPRIGHT) != _UPRIGHT:
            data, kind = _encoded(ImageOps.exif_transpose(opened)), "png"
    with Image.open(BytesIO(data), formats=_FORMATS) as upright:
        own = upright.size
        size = size_of(mode, own, model_size, side)
        if mode == TO_SIDE and size is not None and size != own:
            data, kind = _encoded(upright.resize(size, Image.Resampling.LANCZOS)), "png"
    return Source(f"data:image/{kind};base64,{base64.b64encode(data).decode()}", size)


def white_picture() -> str:
    """A small picture as parameters take it."""
    return f"data:image/png;base64,{base64.b64encode(_encoded(Image.new('RGB', (64, 64), 'white'))).decode()}"


def size_of(mode: str, own: tuple[int, int], model: tuple[int, int], side: int) -> tuple[int, int] | None:
    """The size in pixels of a result whose picture has the size `own`. Pure."""
    if mode == FROM_PARAMETER:
        return None
    if mode == FROM_IMAGE:
        return own
    if mode == TO_SIDE:
        return fitted(own, side * side)
    fit = fitted(own, model[0] * model[1])
    above = mode == TO_MODEL_OR_ABOVE and (fit[0] < own[0] or fit[1] < own[1])
    return own if above else fit


def fitted(size: tuple[int, int], area: int) -> tuple[int, int]:
    """A size of about the same shape with about that many pixels, in steps of 16 pixels."""
    scale = (area / (size[0] * size[1])) ** 0.5
    across, down = (min(_MOST, max(_LEAST, round(length * scale / _STEP) * _STEP)) for length in size)
    return across, down


def _encoded(picture: Image.Image) -> bytes:
    kept = BytesIO()
    (picture if picture.mode in ("RGB", "RGBA", "L", "LA") else picture.convert("RGB")).save(kept, "PNG")
    return kept.getvalue()

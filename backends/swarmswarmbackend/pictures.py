"""Pictures from the other hub's words to the files that are handed on; Pillow's work, for a thread."""

import base64
import binascii
import io
from collections.abc import Mapping

from PIL import Image, UnidentifiedImageError

from backends.swarmswarmbackend.files import (
    JPEG,
    PNG,
    WEBP,
    BrokenFile,
    bare,
    is_lossless_webp,
    kind_of,
)

_KINDS = {"PNG": PNG, "JPG": JPEG, "WEBP": WEBP, "WEBP_LOSSLESS": WEBP}
_OPTIONS: Mapping[str, Mapping[str, int | bool]] = {
    "PNG": {"compress_level": 1},
    "JPG": {"optimize": True},
    "WEBP": {"method": 2},
    "WEBP_LOSSLESS": {"lossless": True, "method": 0},
}
_HALVED_COLOURS = 90  # highest JPEG quality at which colours are kept at half the resolution
_PREVIEW_QUALITY = 80
_EXIF_FOLDER, _USER_COMMENT, _COMMENT_MARK = 0x8769, 0x9286, 8  # EXIF 2.32 §4.6.5


class NoPicture(Exception):
    """What came is no picture that can be handed on."""


def data_url(data: bytes) -> str:
    """A picture file as a parameter of a request."""
    kind = (kind_of(data) or PNG).lower()
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def from_data_url(url: str) -> bytes:
    """The file a data URL holds. Raises NoPicture."""
    head, comma, body = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise NoPicture
    try:
        return base64.b64decode(body)
    except (binascii.Error, ValueError):
        raise NoPicture from None


def asked_format(wanted: str) -> str:
    """The format to ask for, where `wanted` is what the file shall have: always one that loses nothing, since
    the quality to lose it with cannot be told.
    """
    return "WEBP_LOSSLESS" if wanted == "WEBP_LOSSLESS" else "PNG"


def handed_on(data: bytes, wanted: str, quality: int) -> bytes:
    """The picture as a file of the `wanted` format, without the other hub's notes in it. Raises NoPicture."""
    try:
        if kind_of(data) == _KINDS[wanted] and (wanted != "WEBP_LOSSLESS" or is_lossless_webp(data)):
            return bare(data)
        with Image.open(io.BytesIO(data), formats=(PNG, JPEG, WEBP)) as picture:
            return _encoded(picture, wanted, quality)
    except (BrokenFile, UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise NoPicture from None


def text_of(data: bytes) -> str:
    """The text about itself that a picture file carries, "" when there is none."""
    try:
        with Image.open(io.BytesIO(data), formats=(PNG, JPEG, WEBP)) as picture:
            told = picture.info.get("parameters")
            if told is None:
                told = picture.getexif().get_ifd(_EXIF_FOLDER).get(_USER_COMMENT, "")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return ""
    if isinstance(told, bytes):
        told = told[_COMMENT_MARK:].decode("utf-8", "replace")
    return str(told)


def preview(data: bytes) -> bytes | None:
    """A preview as a JPEG file, None when it is no picture."""
    if kind_of(data) == JPEG:
        return data
    try:
        with Image.open(io.BytesIO(data), formats=(PNG, WEBP, "GIF")) as picture:
            return _encoded(picture, "JPG", _PREVIEW_QUALITY)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return None


def _encoded(picture: Image.Image, wanted: str, quality: int) -> bytes:
    options: dict[str, int | bool] = dict(_OPTIONS[wanted])
    if wanted in ("JPG", "WEBP"):
        options["quality"] = max(1, min(100, quality))
    if wanted == "JPG":
        options["subsampling"] = 0 if quality > _HALVED_COLOURS else 2
    layers = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    if layers.mode == "RGBA" and wanted == "JPG":
        ground = Image.new("RGB", layers.size, "white")
        ground.paste(layers, mask=layers.getchannel("A"))
        layers = ground
    out = io.BytesIO()
    layers.save(out, _KINDS[wanted], **options)
    return out.getvalue()

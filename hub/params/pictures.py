"""Pictures that come with a request: bounded before anything is decoded, and never decoded here.

Only the header is read, by Pillow, to know format and size.
"""

import base64
import binascii
import warnings
from collections.abc import Callable
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from hub.params.spec import Param
from hub.params.values import refused

MAX_ENCODED_BYTES = 64 * 1024 * 1024
"""A picture file longer than this is not taken, whatever is inside."""

FORMATS = ("PNG", "JPEG", "WEBP")

OWN_FOLDERS = ("inputs/", "raw/", "Starred/")
"""A value that starts so is a path below the caller's own outputs."""

ReadOutput = Callable[[str], bytes | None]
"""Gives a file below the caller's own outputs, None when there is none. Must not leave that folder."""


def picture(param: Param, text: str, *, megapixels: float, read: ReadOutput | None) -> bytes:
    """The picture file that a data URL, bare base64 or a path of the caller's own outputs means.

    Raises BadInput naming the parameter and the limit it broke.
    """
    if text.startswith(OWN_FOLDERS):
        data = _own_file(param, text, read)
    else:
        data = _decoded(param, text)
    _check_header(param, data, megapixels)
    return data


def _own_file(param: Param, path: str, read: ReadOutput | None) -> bytes:
    data = None if read is None else read(path)
    if data is None:
        shown = path[:100]
        raise refused(
            param, f"Invalid file path for param {param.name} - '{shown}' - you have no file of that name"
        )
    if len(data) > MAX_ENCODED_BYTES:
        raise _too_long(param, len(data))
    return data


def _decoded(param: Param, text: str) -> bytes:
    body = text
    if text.startswith("data:"):
        head, _, body = text[:200].partition(",")
        body = text[len(head) + 1 :]
        if not head.startswith("data:image/") or not head.endswith(";base64"):
            raise refused(
                param, f"param {param.name} must be a base64 data URL of a picture", limit=list(FORMATS)
            )
    if len(body) * 3 // 4 > MAX_ENCODED_BYTES:
        raise _too_long(param, len(body) * 3 // 4)
    try:
        data = base64.b64decode(body, validate=True) if len(body) >= 10 else b""
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        short = text[:10] + "..." if len(text) > 10 else text
        raise refused(
            param,
            f"Invalid IMAGE value for param {param.name} - must be a valid base64 string - got '{short}'",
        )
    return data


def _check_header(param: Param, data: bytes, megapixels: float) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit follows
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                width, height = image.size
                pixels = width * height
                if pixels <= megapixels * 1_000_000:
                    image.verify()
    except Image.DecompressionBombError:
        pixels, width, height = -1, 0, 0
    except Exception as trouble:
        # Pillow's readers raise nearly anything on a damaged file; all of it means the same to the sender.
        known = isinstance(trouble, UnidentifiedImageError)
        reason = "it is not a PNG, JPEG or WebP file" if known else "the file is damaged"
        raise refused(
            param, f"Invalid picture for param {param.name}: {reason}", limit=list(FORMATS)
        ) from trouble
    if pixels < 0 or pixels > megapixels * 1_000_000:
        size = f"{width}x{height} pixels" if pixels >= 0 else "far too many pixels"
        raise refused(
            param,
            f"the picture for param {param.name} has {size} - at most {megapixels:g} megapixels are accepted",
            limit=f"{megapixels:g} megapixels",
        )


def _too_long(param: Param, length: int) -> Exception:
    mib = MAX_ENCODED_BYTES // (1024 * 1024)
    return refused(
        param,
        f"the picture for param {param.name} is about {length} bytes long - at most {mib} MiB are accepted",
        limit=MAX_ENCODED_BYTES,
    )

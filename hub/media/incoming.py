"""A picture that a client sends to be kept: bounded before anything is decoded, and never decoded here."""

import base64
import binascii
import warnings
from io import BytesIO

from msgspec import Struct
from PIL import Image, UnidentifiedImageError

MOST_BYTES = 64 << 20
_FORMATS = {"PNG": "PNG", "JPEG": "JPG", "WEBP": "WEBP"}
_HEAD = 100  # characters within which a data URL's comma must come


class BadPicture(Exception):
    """A picture that cannot be taken; the text says why, `limit` what would be."""

    def __init__(self, text: str, limit: object) -> None:
        super().__init__(text)
        self.limit = limit


class Picture(Struct, frozen=True):
    """An encoded picture whose header has been read. `format` is PNG, JPG or WEBP; sizes in pixels."""

    data: bytes
    format: str
    width: int
    height: int


def read_picture(url: str, megapixels: float) -> Picture:
    """The picture in a data URL. Raises BadPicture."""
    head, comma, _ = url[:_HEAD].partition(",")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        raise BadPicture("The image must be a base64 data URL of a picture.", list(_FORMATS))
    if len(url) * 3 // 4 > MOST_BYTES:
        raise BadPicture(f"The image is larger than {MOST_BYTES >> 20} MiB.", MOST_BYTES)
    try:
        data = base64.b64decode(url[len(head) + 1 :], validate=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit follows
            with Image.open(BytesIO(data), formats=tuple(_FORMATS)) as picture:
                kind, width, height = str(picture.format), picture.width, picture.height
                if width * height <= megapixels * 1e6:
                    picture.verify()  # checksums only: nothing is decoded
    except (binascii.Error, ValueError, OSError, SyntaxError, UnidentifiedImageError) as bad:
        raise BadPicture("The image is no readable PNG, JPEG or WebP.", list(_FORMATS)) from bad
    except Image.DecompressionBombError as bomb:
        raise BadPicture("The image has too many pixels.", megapixels) from bomb
    if width * height > megapixels * 1e6:
        raise BadPicture(
            f"The image has {width}x{height} pixels, more than {megapixels:g} megapixels.", megapixels
        )
    return Picture(data, _FORMATS[kind], width, height)

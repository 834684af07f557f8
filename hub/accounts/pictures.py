"""A small picture sent as a data URL: checked by its header, never decoded."""

import base64
import binascii
import io
import warnings

from PIL import Image, UnidentifiedImageError

JPEG_URL = "data:image/jpeg;base64,"
LARGEST_KIB = 2048
LARGEST_SIDE = 4096


class BadPicture(ValueError):
    """Why a picture is not taken, as a sentence."""


def read_jpeg(url: str) -> bytes:
    """The bytes of a `data:image/jpeg;base64,` URL. Raises BadPicture naming the limit it broke."""
    if len(url) > LARGEST_KIB * 1024 * 4 // 3 + 100:
        raise BadPicture(f"The preview image is larger than {LARGEST_KIB} KiB.")
    try:
        data = base64.b64decode(url.removeprefix(JPEG_URL), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadPicture("The preview image is not valid base64.") from error
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            warnings.simplefilter("ignore")  # a warning about its size: the size is checked right here
            width, height = image.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise BadPicture("The preview image is not a JPEG image.") from error
    if max(width, height) > LARGEST_SIDE:
        raise BadPicture(f"The preview image is larger than {LARGEST_SIDE} pixels on a side.")
    return data

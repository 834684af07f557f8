"""A picture that a client sends as the preview of a model or a wildcard."""

from io import BytesIO

from PIL import Image

from hub.errors import BadInput
from hub.media import BadPicture, read_picture

_FORMATS = ("PNG", "JPEG", "WEBP")

SIDE = 768
"""Pixels of the longer side that is kept."""
MOST_COMMENT = 60_000
"""Bytes that fit into a JPEG's comment."""


def small_jpeg(url: str, megapixels: float, comment: str, *, field: str) -> bytes:
    """The picture in a data URL as a small JPEG, `comment` within it. Raises BadInput naming `field`."""
    try:
        sent = read_picture(url, megapixels)
        with Image.open(BytesIO(sent.data), formats=_FORMATS) as image:
            small = image.convert("RGB")
            small.thumbnail((SIDE, SIDE))
    except BadPicture as bad:
        raise BadInput(str(bad), field=field, limit=bad.limit) from bad
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as bad:
        raise BadInput("The preview image cannot be read.", field=field, limit="JPEG, PNG or WebP") from bad
    made = BytesIO()
    told = comment.encode("utf-8", "replace")
    small.save(made, "JPEG", quality=88, **({"comment": told} if 0 < len(told) <= MOST_COMMENT else {}))
    return made.getvalue()

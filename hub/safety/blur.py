"""A picture of which nothing can be made out, in place of one that is withheld."""

from io import BytesIO

from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP")
TILES = 6
"""Patches of colour along the longer side: enough to see that a picture was there, and no more."""


def blurred(data: bytes) -> bytes:
    """An encoded picture (PNG, JPEG, WebP) of the same size and format, its content beyond recognition. Takes
    a while: call it in a thread. Raises OSError for what is no picture."""
    with Image.open(BytesIO(data), formats=FORMATS) as given:
        kind = given.format or "PNG"
        size = given.size
        longer = max(size)
        few = (max(1, size[0] * TILES // longer), max(1, size[1] * TILES // longer))
        # Only the few mean colours are kept: enlarging them again brings nothing back.
        patches = given.convert("RGB").resize(few, Image.Resampling.BOX)
    out = BytesIO()
    patches.resize(size, Image.Resampling.BICUBIC).save(out, kind)
    return out.getvalue()

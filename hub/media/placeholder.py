"""The picture that stands where a model or preset has none of its own."""

from functools import cache
from io import BytesIO

from PIL import Image, ImageDraw

SIDE = 256
GROUND, FRAME, SUN, HILL = "#2b2f38", "#4a5160", "#8a93a6", "#5d6577"


@cache
def placeholder() -> bytes:
    """A small grey JPEG of `SIDE` x `SIDE` pixels: a frame with a hill and a sun; drawn once."""
    picture = Image.new("RGB", (SIDE, SIDE), GROUND)
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((48, 64, 208, 192), radius=12, outline=FRAME, width=6)
    draw.ellipse((150, 84, 178, 112), fill=SUN)
    draw.polygon(((62, 178), (110, 112), (140, 150), (158, 130), (194, 178)), fill=HILL)
    file = BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()

"""Several pictures as one: rows and columns as near a square as can be."""

from collections.abc import Sequence
from io import BytesIO
from math import ceil, isqrt

from PIL import Image

MOST_SIDE = 4096  # pixels of the whole
MOST_PIXELS = 64_000_000  # of a picture that is decoded for it
_FORMATS = ("PNG", "JPEG", "WEBP")
_KINDS = {"PNG": "PNG", "JPG": "JPEG", "WEBP": "WEBP", "WEBP_LOSSLESS": "WEBP"}


def make_grid(pictures: Sequence[bytes], kind: str, quality: int) -> tuple[bytes, int, int]:
    """The pictures in their order, row by row, as a file of `kind` (as in GenRequest.format), its width and
    height in pixels; for a thread. Raises OSError or ValueError when one cannot be decoded."""
    cells = [_decoded(data) for data in pictures]
    columns = isqrt(len(cells) - 1) + 1
    rows = ceil(len(cells) / columns)
    width, height = max(cell.width for cell in cells), max(cell.height for cell in cells)
    shrink = min(1.0, MOST_SIDE / (width * columns), MOST_SIDE / (height * rows))
    width, height = max(1, int(width * shrink)), max(1, int(height * shrink))
    whole = Image.new("RGB", (width * columns, height * rows))
    for place, cell in enumerate(cells):
        if cell.width > width or cell.height > height:
            cell.thumbnail((width, height), Image.Resampling.LANCZOS)
        left = place % columns * width + (width - cell.width) // 2
        top = place // columns * height + (height - cell.height) // 2
        whole.paste(cell, (left, top))
    kept = BytesIO()
    options = {"lossless": True} if kind == "WEBP_LOSSLESS" else {"quality": max(1, min(100, quality))}
    whole.save(kept, _KINDS[kind], **({} if kind == "PNG" else options))
    return kept.getvalue(), whole.width, whole.height


def _decoded(data: bytes) -> Image.Image:
    with Image.open(BytesIO(data), formats=_FORMATS) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise ValueError(f"{opened.width}x{opened.height} pixels are too many for a grid")
        return opened.convert("RGB")

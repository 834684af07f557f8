"""Metadata hidden in the lowest bits of a picture's pixels, column after column (swarm-api §7).

First a mark, then the length in bits as 32 bits, then the compressed text; a byte's highest bit comes first.
In "Alpha" mode one bit lies in each pixel's transparency, in "RGB" mode one in each colour of each pixel.
"""

import gzip
from io import BytesIO

from PIL import Image

MARKS = {"Alpha": b"stealth_pngcomp", "RGB": b"stealth_rgbcomp"}
_FORMATS = ("PNG",)
_PNG = b"\x89PNG\r\n\x1a\n"
_DEPTH_AT = 24  # bits of a colour, in the header chunk (W3C PNG §11.2.1)


def hide(data: bytes, text: str, mode: str) -> bytes:
    """The PNG with the text in its pixels; for a thread. Pictures too small for the text stay as they are,
    and so do other files: a lossy format would lose the bits, a deeper one its depth."""
    if not data.startswith(_PNG) or data[_DEPTH_AT : _DEPTH_AT + 1] != b"\x08":
        return data  # of 16 bits a colour Pillow would keep 8
    packed = gzip.compress(text.encode(), mtime=0)
    message = MARKS[mode] + (len(packed) * 8).to_bytes(4, "big") + packed
    with Image.open(BytesIO(data), formats=_FORMATS) as opened:
        if opened.mode not in ("RGB", "RGBA"):
            return data
        columns = opened.convert("RGBA" if mode == "Alpha" else "RGB").transpose(Image.Transpose.TRANSPOSE)
    values = bytearray((columns.getchannel("A") if mode == "Alpha" else columns).tobytes())
    if len(message) * 8 > len(values):
        return data
    _write(values, message)
    if mode == "Alpha":
        columns.putalpha(Image.frombytes("L", columns.size, bytes(values)))
    else:
        columns = Image.frombytes("RGB", columns.size, bytes(values))
    kept = BytesIO()
    columns.transpose(Image.Transpose.TRANSPOSE).save(kept, "PNG", compress_level=4)
    return kept.getvalue()


def _write(values: bytearray, message: bytes) -> None:
    at = 0
    for byte in message:
        for place in range(7, -1, -1):
            values[at] = values[at] & 0xFE | byte >> place & 1
            at += 1

"""Pictures that are none, not whole, or far larger than they look; each a few kilobytes to make and send."""

import base64
import io
import struct
import zlib

from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(document.cookie)</script>"


def as_url(data: bytes, kind: str = "png") -> str:
    """A data URL of a picture."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def small(kind: str) -> bytes:
    """A good picture of 8x6 pixels."""
    out = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(out, kind)
    return out.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes, whole: bool = False) -> bytes:
    """A PNG that claims a size; with `whole` its lines are all there, a thousand to a byte."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    lines = b"\0" * ((width + 1) * height) if whole else b"\0" * 100
    return (
        SIGNATURE + head + b"".join(chunks) + _chunk(b"IDAT", zlib.compress(lines, 9)) + _chunk(b"IEND", b"")
    )


def _jpeg(width: int, height: int) -> bytes:
    """A small JPEG whose frame header claims a size."""
    data = bytearray(small("JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def _webp(width: int, height: int) -> bytes:
    """A lossless WebP whose header claims a size."""
    bits = (width - 1) | (height - 1) << 14
    body = b"WEBPVP8L" + struct.pack("<I", 5) + b"\x2f" + struct.pack("<I", bits) + b"\0"
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _gif(frames: int) -> bytes:
    """A GIF of the largest size with many frames."""
    head = b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x80\0\0" + b"\0" * 6
    frame = b"\x2c" + struct.pack("<HHHH", 0, 0, 65535, 65535) + b"\0\x02\x02\x4c\x01\0"
    return head + frame * frames + b";"


def _tiff(width: int, height: int) -> bytes:
    entries = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (278, height), (279, 10)]
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + b"\0" * 4


_DEEP = zlib.compress(b"\0" * (64 << 20), 9)

BOMBS: dict[str, bytes] = {
    "png of 400 megapixels": png(20000, 20000),
    "png of 81 megapixels, whole": png(9000, 9000, whole=True),
    "png of 100 gigapixels": png(1 << 30, 100),
    "png with a text of 64 MiB": png(8, 8, _chunk(b"zTXt", b"parameters\0\0" + _DEEP)),
    "png with a profile of 64 MiB": png(8, 8, _chunk(b"iCCP", b"p\0\0" + _DEEP)),
    "png without its end": small("PNG")[:-20],
    "png with a wrong checksum": small("PNG")[:40] + b"\xff" + small("PNG")[41:],
    "jpeg of 4 gigapixels": _jpeg(65500, 65500),
    "jpeg that ends in its header": small("JPEG")[:30],
    "webp of 268 megapixels": _webp(16383, 16383),
    "webp that ends in its header": small("WEBP")[:16],
    "gif of 4 gigapixels and many frames": _gif(3000),
    "small gif": small("GIF"),
    "tiff of 3.6 gigapixels": _tiff(60000, 60000),
    "small tiff": small("TIFF"),
    "bmp": small("BMP"),
    "ico": small("ICO"),
    "svg": SVG,
    "html": HTML,
    "pdf": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n",
    "zip": b"PK\x03\x04" + b"\0" * 40,
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
    "gif and html": b"GIF89a/*" + HTML,
    "nothing": b"",
}
"""None of these may be taken as a picture (PNG within PNG limits aside, see the test)."""

POLYGLOTS: dict[str, tuple[str, bytes]] = {
    "png and html": ("png", small("PNG") + HTML),
    "png and svg": ("png", png(8, 8, _chunk(b"tEXt", b"parameters\0" + SVG), whole=True)),
    "jpeg and html": (
        "jpeg",
        small("JPEG")[:2] + b"\xff\xfe\x00\x38" + HTML[:54].ljust(54) + small("JPEG")[2:],
    ),
    "webp and script": ("webp", small("WEBP") + HTML),
}
"""Good pictures that other readers could take for something else."""

"""Putting a text into an encoded picture without decoding it, and getting it out again.

PNG: a tEXt chunk `parameters` right after IHDR (W3C PNG §11.3.3). JPEG and WebP: EXIF UserComment (EXIF 2.32
§4.6.5), in JPEG as an APP1 segment behind the APP0 (limit 65533 bytes), in WebP as an EXIF chunk of the
extended format (RIFF container page of the WebP documentation).
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from zlib import crc32
from zlib import error as ZlibError

from PIL import Image, UnidentifiedImageError

Pieces = list[bytes | memoryview]
KEYWORD = b"parameters"
USER_COMMENT, EXIF_FOLDER = 0x9286, 0x8769
_PNG = b"\x89PNG\r\n\x1a\n"
_AFTER_IHDR = 33  # signature, then length, name, 13 bytes and checksum of the header chunk
_MOST_IN_JPEG = 65533 - 2
_ASCII_MARK, _UNICODE_MARK = b"ASCII\0\0\0", b"UNICODE\0"
_METRES_IN_AN_INCH = 0.0254
_LOOKED_AT = 1 << 12  # bytes in which a resolution would stand
_MOST_TEXT = 1 << 24  # a metadata block longer than this is not read


def splice(data: bytes, text: str | None, dpi: int = 0) -> Pieces | None:
    """The picture with `text` (ASCII) inside and noting `dpi` dots per inch (0: none), as pieces to be
    written one after the other.

    None when this kind of file has no room for it: PNG, JPEG and WebP have, a JPEG up to 64 KiB.
    """
    if text is None and not dpi:
        return [data]
    if data.startswith(_PNG) and len(data) > _AFTER_IHDR:
        return _into_png(data, text, dpi)
    if data.startswith(b"\xff\xd8\xff"):
        return _into_jpeg(data, text, dpi)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _into_webp(data, text, dpi)
    return None


def read_text(path: Path) -> str | None:
    """The text a picture file carries, None when there is none or it is no picture we know."""
    try:
        with path.open("rb") as file:
            if file.read(8) == _PNG:
                return _from_png(file)
        with Image.open(path, formats=("JPEG", "WEBP")) as picture:
            comment = picture.getexif().get_ifd(EXIF_FOLDER).get(USER_COMMENT)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, ZlibError, struct.error):
        return None
    return _from_comment(comment)


def _into_png(data: bytes, text: str | None, dpi: int) -> Pieces:
    pieces: Pieces = [data[:_AFTER_IHDR]]
    if text is not None:
        pieces.append(_chunk(b"tEXt" + KEYWORD + b"\0" + text.encode("latin-1")))
    if dpi and b"pHYs" not in data[:_LOOKED_AT]:
        per_metre = round(dpi / _METRES_IN_AN_INCH)
        pieces.append(_chunk(b"pHYs" + struct.pack(">IIB", per_metre, per_metre, 1)))
    return [*pieces, memoryview(data)[_AFTER_IHDR:]]


def _chunk(body: bytes) -> bytes:
    return b"%b%b%b" % (struct.pack(">I", len(body) - 4), body, struct.pack(">I", crc32(body)))


def _into_jpeg(data: bytes, text: str | None, dpi: int) -> Pieces | None:
    exif = b"Exif\0\0" + exif_block(text, dpi)
    if len(exif) > _MOST_IN_JPEG:
        return None
    after = 2
    if data[2:4] == b"\xff\xe0":  # JFIF's own segment stays first
        after = 4 + struct.unpack_from(">H", data, 4)[0]
    head = data[:after]
    if dpi and head[6:11] == b"JFIF\0" and dpi < 1 << 16:
        head = head[:13] + struct.pack(">BHH", 1, dpi, dpi) + head[18:]
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    return [head, segment, memoryview(data)[after:]]


def _into_webp(data: bytes, text: str | None, dpi: int) -> Pieces | None:
    exif = exif_block(text, dpi)
    exif_chunk = b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\0" * (len(exif) % 2)
    first = data[12:16]
    if first == b"VP8X":
        flags = data[20] | 0x08
        header = b"VP8X" + data[16:20] + bytes([flags]) + data[21:30]
        rest = memoryview(data)[30:]
    else:
        size = _webp_size(data, first)
        if size is None:
            return None
        width, height, alpha = size
        canvas = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
        header = b"VP8X" + struct.pack("<I", 10) + bytes([0x08 | (0x10 if alpha else 0), 0, 0, 0]) + canvas
        rest = memoryview(data)[12:]
    total = 4 + len(header) + len(rest) + len(exif_chunk)
    return [b"RIFF" + struct.pack("<I", total) + b"WEBP" + header, rest, exif_chunk]


def _webp_size(data: bytes, kind: bytes) -> tuple[int, int, bool] | None:
    """Width, height and whether there is transparency, from the header of a simple WebP file."""
    if kind == b"VP8 " and len(data) > 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF, False
    if kind == b"VP8L" and len(data) > 25:
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    return None


def exif_block(text: str | None, dpi: int = 0) -> bytes:
    """A little-endian TIFF block with the resolution (where `dpi` is not 0) and the text as UserComment."""
    tags = 3 * bool(dpi) + (text is not None)
    at = 8 + 2 + 12 * tags + 4  # of what does not fit into a tag itself
    main, behind = [], b""
    if dpi:
        main += [(0x011A, 5, 1, at), (0x011B, 5, 1, at), (0x0128, 3, 1, 2)]  # across, down, in inches
        behind = struct.pack("<II", dpi, 1)
    if text is not None:
        folder_at = at + len(behind)
        comment = _ASCII_MARK + text.encode("ascii")
        main.append((EXIF_FOLDER, 4, 1, folder_at))
        behind += struct.pack("<HHHIII", 1, USER_COMMENT, 7, len(comment), folder_at + 18, 0) + comment
    listed = b"".join(struct.pack("<HHII", *tag) for tag in main)
    return struct.pack("<2sHIH", b"II", 42, 8, tags) + listed + struct.pack("<I", 0) + behind


def _text_chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    while len(header := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", header)
        if name == b"IEND":
            return
        if name in (b"tEXt", b"iTXt") and length <= _MOST_TEXT:
            yield name, file.read(length)
            file.seek(4, 1)
        else:
            file.seek(length + 4, 1)


def _from_png(file: BinaryIO) -> str | None:
    for name, body in _text_chunks(file):
        keyword, _, rest = body.partition(b"\0")
        if keyword != KEYWORD:
            continue
        if name == b"tEXt":
            return rest.decode("latin-1")
        if (
            name == b"iTXt" and rest[:1] == b"\0"
        ):  # not compressed: flag, method, language, translated keyword
            return rest[2:].split(b"\0", 2)[-1].decode("utf-8", "replace")
    return None


def _from_comment(comment: bytes | str | None) -> str | None:
    if not comment:
        return None
    if isinstance(comment, str):
        return comment
    mark, body = comment[:8], comment[8:]
    if mark == _UNICODE_MARK:
        return body.decode("utf-16-be" if body[:1] == b"\0" else "utf-16-le", "replace")
    return (body if mark == _ASCII_MARK or mark == b"\0" * 8 else comment).decode("utf-8", "replace")

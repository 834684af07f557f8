"""Picture files as the other hub sends them: their kind, and the same without what it wrote into them.

Pure. PNG: chunks (W3C PNG §5). JPEG: segments up to the scan (ITU T.81 annex B). WebP: RIFF chunks (container
page of the WebP documentation).
"""

import struct
from collections.abc import Iterator

PNG, JPEG, WEBP = "PNG", "JPEG", "WEBP"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"pHYs"})
_JPEG_TEXTS = frozenset({0xE1, 0xED, 0xFE})  # Exif and XMP, Photoshop's, comments
_START_OF_SCAN = 0xDA
_WEBP_TEXTS = frozenset({b"EXIF", b"XMP "})
_WEBP_FLAGS = 0x08 | 0x04  # in VP8X: EXIF is there, XMP is there


class BrokenFile(Exception):
    """A file that is not what its first bytes say."""


def kind_of(data: bytes) -> str:
    """PNG, JPEG or WEBP by its first bytes, "" for anything else."""
    if data.startswith(_SIGNATURE):
        return PNG
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    return ""


def is_lossless_webp(data: bytes) -> bool:
    """Whether a WebP file keeps every pixel exactly."""
    return any(name == b"VP8L" for name, _ in _riff(data))


def bare(data: bytes) -> bytes:
    """The same picture without any text in its file; what is no file we know stays as it is.

    Raises BrokenFile.
    """
    try:
        pieces = _WITHOUT[kind_of(data)](data)
    except KeyError:
        return data
    except (struct.error, IndexError):
        raise BrokenFile from None
    return b"".join(pieces)


def _png(data: bytes) -> list[bytes | memoryview]:
    view = memoryview(data)
    pieces: list[bytes | memoryview] = [view[:8]]
    at = 8
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise BrokenFile
        if name not in _PNG_TEXTS:
            pieces.append(view[at:end])
        at = end
        if name == b"IEND":
            return pieces
    raise BrokenFile


def _jpeg(data: bytes) -> list[bytes | memoryview]:
    view = memoryview(data)
    pieces: list[bytes | memoryview] = [view[:2]]
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise BrokenFile
        mark = data[at + 1]
        if mark == 0xFF:  # a fill byte
            at += 1
            continue
        if mark == _START_OF_SCAN:
            return [*pieces, view[at:]]
        (length,) = struct.unpack_from(">H", data, at + 2)
        if mark not in _JPEG_TEXTS:
            pieces.append(view[at : at + 2 + length])
        at += 2 + length
    raise BrokenFile


def _webp(data: bytes) -> list[bytes | memoryview]:
    chunks: list[bytes] = []
    for name, body in _riff(data):
        if name in _WEBP_TEXTS:
            continue
        if name == b"VP8X":
            body = bytes([body[0] & ~_WEBP_FLAGS]) + body[1:]
        chunks.append(name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2))
    total = 4 + sum(map(len, chunks))
    return [b"RIFF" + struct.pack("<I", total) + b"WEBP", *chunks]


def _riff(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        if len(body) < length:
            raise BrokenFile
        yield name, body
        at += 8 + length + length % 2


_WITHOUT = {PNG: _png, JPEG: _jpeg, WEBP: _webp}

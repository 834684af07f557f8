"""Pictures as a server hands them out, made into what the hub stores: clean, and in the wanted format.

ComfyUI writes the whole graph into its PNGs as text; the hub has metadata of its own, so none of that may
stay. Everything here computes for a while: called in a thread.
"""

import io
import struct
import warnings
import zlib

from PIL import Image as Pillow

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_PIXELS = 1 << 28
_READ = ("PNG", "JPEG", "WEBP")
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYs"})
_HALVED_COLOURS = 90  # highest JPEG quality at which colours are kept at half the resolution


class Damaged(ValueError):
    """The bytes are no whole picture of a kind that is read here."""


def finished(data: bytes, format_: str, quality: int) -> bytes:
    """The picture as a file of a format of contract.Work, without any text of the server's.

    A PNG that is to be one keeps its pixels' bytes as they are. Raises Damaged.
    """
    if data.startswith(_SIGNATURE):
        data = _without_texts(data)  # checked as a whole, too: Pillow reads half a picture as if it were one
        if format_ == "PNG":
            return data
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            with Pillow.open(io.BytesIO(data), formats=_READ) as opened:
                if opened.width * opened.height > _MOST_PIXELS:
                    raise Damaged
                opened.load()
                return _encoded(opened, format_, quality)
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError) as error:
        raise Damaged from error


def _encoded(opened: Pillow.Image, format_: str, quality: int) -> bytes:
    clear = opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info
    picture = opened.convert("RGBA" if clear else "RGB")
    out = io.BytesIO()
    grade = max(1, min(100, quality))
    match format_:
        case "JPG":
            picture = _flat(picture)
            sampling = 0 if quality > _HALVED_COLOURS else 2  # 0 is 4:4:4, 2 is 4:2:0
            picture.save(out, "JPEG", quality=grade, optimize=True, subsampling=sampling)
        case "WEBP":
            picture.save(out, "WEBP", quality=grade, method=2)
        case "WEBP_LOSSLESS":
            picture.save(out, "WEBP", lossless=True, method=0)
        case _:
            picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _flat(picture: Pillow.Image) -> Pillow.Image:
    """A picture as RGB, transparent parts on white."""
    if picture.mode != "RGBA":
        return picture
    ground = Pillow.new("RGBA", picture.size, (255, 255, 255, 255))
    return Pillow.alpha_composite(ground, picture).convert("RGB")


def _without_texts(data: bytes) -> bytes:
    """A PNG with only the chunks that its pixels need, each checked against its sum."""
    parts, at, ended = [_SIGNATURE], len(_SIGNATURE), False
    view = memoryview(data)
    while at + 12 <= len(data) and not ended:
        (length,) = struct.unpack_from(">I", data, at)
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            raise Damaged
        if kind in _KEPT:
            (wanted,) = struct.unpack_from(">I", data, end - 4)
            if zlib.crc32(view[at + 4 : end - 4]) != wanted:
                raise Damaged
            parts.append(data[at:end])
        ended, at = kind == b"IEND", end
    if not ended or len(parts) < 4 or parts[1][4:8] != b"IHDR":
        raise Damaged
    return b"".join(parts)

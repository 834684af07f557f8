"""Pictures made clean and encoded as wanted."""

import io
import os
import struct
import zlib

import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from backends.comfyui_api.pictures import Damaged, finished


def png(**texts: str) -> bytes:
    info = PngInfo()
    for name, value in texts.items():
        info.add_text(name, value)
        info.add_itxt(f"i{name}", value)
        info.add_text(f"z{name}", value, zip=True)
    out = io.BytesIO()
    picture = Pillow.frombytes("RGB", (20, 10), os.urandom(600))
    picture.save(out, "PNG", pnginfo=info, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0")
    return out.getvalue()


def opened(data: bytes) -> Pillow.Image:
    picture = Pillow.open(io.BytesIO(data))
    picture.load()
    return picture


def test_a_png_loses_its_texts_and_keeps_its_pixels() -> None:
    data = png(prompt='{"3": 1}', workflow="secret")
    clean = finished(data, "PNG", 100)
    assert opened(clean).info == {}
    assert b"secret" not in clean
    assert opened(clean).tobytes() == opened(data).tobytes()
    assert clean[clean.index(b"IDAT") :] == data[data.index(b"IDAT") :]


@pytest.mark.parametrize(("format_", "kind"), [("JPG", "JPEG"), ("WEBP", "WEBP"), ("WEBP_LOSSLESS", "WEBP")])
def test_other_formats_are_encoded_without_texts(format_: str, kind: str) -> None:
    data = png(prompt="secret")
    out = finished(data, format_, 90)
    assert opened(out).format == kind
    assert opened(out).size == (20, 10)
    assert b"secret" not in out
    if format_ == "WEBP_LOSSLESS":
        assert opened(out).convert("RGB").tobytes() == opened(data).tobytes()


def test_a_clear_picture_lies_on_white_as_jpeg_and_stays_clear_elsewhere() -> None:
    out = io.BytesIO()
    Pillow.new("RGBA", (8, 8), (255, 0, 0, 0)).save(out, "PNG")
    assert min(opened(finished(out.getvalue(), "JPG", 95)).getpixel((4, 4))) > 250  # type: ignore[arg-type]
    assert opened(finished(out.getvalue(), "WEBP", 95)).mode == "RGBA"


def test_another_kind_of_file_becomes_a_png() -> None:
    out = io.BytesIO()
    Pillow.new("RGB", (8, 8), (1, 2, 3)).save(out, "WEBP", lossless=True)
    assert opened(finished(out.getvalue(), "PNG", 100)).format == "PNG"


def wrong_sum(data: bytes) -> bytes:
    at = data.index(b"IDAT") + 6
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def huge_chunk(data: bytes) -> bytes:
    at = data.index(b"IDAT") - 4
    return data[:at] + struct.pack(">I", 1 << 30) + data[at + 4 :]


def no_pixels() -> bytes:
    def chunk(kind: bytes, body: bytes = b"") -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + chunk(b"IEND")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        png()[:-20],
        png()[:100],
        wrong_sum(png()),
        huge_chunk(png()),
        no_pixels(),
        b"GIF89a",
    ],
    ids=map(str, range(8)),
)
def test_damaged_bytes_are_no_picture(data: bytes) -> None:
    with pytest.raises(Damaged):
        finished(data, "PNG", 100)
    with pytest.raises(Damaged):
        finished(data, "JPG", 100)

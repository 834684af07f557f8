"""Text into pictures without decoding them, and out again; the pixels stay what they were."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hub.media import read_text, splice

TEXT = '{\n  "a": "\\u00f6"\n}'


def encoded(kind: str, mode: str = "RGB", **options: object) -> bytes:
    kept = BytesIO()
    picture = Image.effect_noise((40, 30), 60).convert(mode)
    picture.save(kept, kind, **options)
    return kept.getvalue()


SAMPLES = {
    "png": encoded("PNG"),
    "jpg": encoded("JPEG", quality=90),
    "webp": encoded("WEBP", quality=80),
    "webp lossless": encoded("WEBP", lossless=True),
    "webp with transparency": encoded("WEBP", "RGBA", lossless=True),
    "webp extended": encoded("WEBP", "RGB", quality=80, icc_profile=b"x" * 21),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_keeps_its_pixels_and_gives_the_text_back(name: str, tmp_path: Path) -> None:
    data = SAMPLES[name]
    pieces = splice(data, TEXT)
    assert pieces is not None
    file = tmp_path / "picture"
    file.write_bytes(b"".join(pieces))
    with Image.open(file) as after, Image.open(BytesIO(data)) as before:
        assert after.format == before.format and after.size == before.size
        assert after.convert("RGBA").tobytes() == before.convert("RGBA").tobytes()
    assert read_text(file) == TEXT


def test_a_png_block_is_a_text_chunk_right_behind_the_header() -> None:
    data = b"".join(splice(SAMPLES["png"], TEXT) or [])
    assert data[37:41] == b"tEXt" and data[41:52] == b"parameters\0"
    with Image.open(BytesIO(data)) as picture:
        assert picture.info["parameters"] == TEXT


def test_a_jpeg_has_room_for_64_kib_only() -> None:
    assert splice(SAMPLES["jpg"], "x" * 66_000) is None
    assert splice(SAMPLES["jpg"], "x" * 65_000) is not None


def test_what_is_no_picture_takes_no_text() -> None:
    assert splice(b"hello", TEXT) is None


class TestReadingOthersFiles:
    def test_an_international_text_chunk(self, tmp_path: Path) -> None:
        info = PngInfo()
        info.add_itxt("parameters", "grüße")
        file = tmp_path / "x.png"
        Image.new("RGB", (4, 4)).save(file, pnginfo=info)
        assert read_text(file) == "grüße"

    def test_a_picture_without_text(self, tmp_path: Path) -> None:
        for name in ("png", "jpg"):
            file = tmp_path / f"x.{name}"
            file.write_bytes(SAMPLES[name])
            assert read_text(file) is None

    def test_no_picture_at_all(self, tmp_path: Path) -> None:
        file = tmp_path / "x.png"
        file.write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
        assert read_text(file) is None
        file.write_text("hello")
        assert read_text(file) is None
        assert read_text(tmp_path / "none") is None


@pytest.mark.parametrize("text", [TEXT, None])
@pytest.mark.parametrize("name", ["png", "jpg", "webp", "webp lossless", "webp extended"])
def test_dots_per_inch_are_noted_beside_the_text(name: str, text: str | None, tmp_path: Path) -> None:
    pieces = splice(SAMPLES[name], text, 300)
    assert pieces is not None
    file = tmp_path / "picture"
    file.write_bytes(b"".join(pieces))
    with Image.open(file) as picture:
        picture.load()
        if name == "png":
            assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.01)
        else:
            exif = picture.getexif()
            assert (exif[0x011A], exif[0x011B], exif[0x0128]) == (300, 300, 2)
        if name == "jpg":
            assert picture.info["dpi"] == (300, 300)
    assert read_text(file) == text

"""Metadata in the pixels: where a reader of that scheme looks for it, and nothing seen of it."""

import gzip
from io import BytesIO

import pytest
from PIL import Image, ImageChops

from hub.media.stealth import MARKS, hide

TEXT = '{"sui_image_params": {"prompt": "a brass owl"}}'


def noise(side: int, kind: str = "PNG") -> bytes:
    kept = BytesIO()
    Image.effect_noise((side, side + 9), 60).convert("RGB").save(kept, kind)
    return kept.getvalue()


def reveal(picture: Image.Image, mode: str) -> str:
    """Pixel by pixel, as the scheme is described: x outside, y inside."""
    bits = []
    for x in range(picture.width):
        for y in range(picture.height):
            pixel = picture.getpixel((x, y))
            assert isinstance(pixel, tuple)
            bits += [pixel[3] & 1] if mode == "Alpha" else [value & 1 for value in pixel[:3]]
    data = bytes(int("".join(map(str, bits[at : at + 8])), 2) for at in range(0, len(bits) - 7, 8))
    mark = MARKS[mode]
    assert data.startswith(mark)
    length = int.from_bytes(data[len(mark) : len(mark) + 4], "big") // 8
    return gzip.decompress(data[len(mark) + 4 : len(mark) + 4 + length]).decode()


@pytest.mark.parametrize("mode", ["Alpha", "RGB"])
def test_the_text_is_found_again_and_not_seen(mode: str) -> None:
    data = noise(60)
    with Image.open(BytesIO(hide(data, TEXT, mode))) as after, Image.open(BytesIO(data)) as before:
        assert reveal(after, mode) == TEXT
        difference = max(ImageChops.difference(after.convert("RGB"), before).tobytes())
        assert difference == (0 if mode == "Alpha" else 1)
        assert after.mode == ("RGBA" if mode == "Alpha" else "RGB")


def test_what_cannot_hold_it_stays_as_it_is() -> None:
    for data in (noise(10), noise(60, "JPEG"), b"nothing"):
        assert hide(data, TEXT, "Alpha") == data


def test_a_picture_of_sixteen_bits_keeps_its_depth() -> None:
    data = bytearray(noise(60))
    data[24] = 16
    assert hide(bytes(data), TEXT, "RGB") == bytes(data)

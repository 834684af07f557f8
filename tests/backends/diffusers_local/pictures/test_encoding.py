"""A finished picture as a file of each format."""

import io

import pytest
from PIL import Image, JpegImagePlugin

from backends.diffusers_local.pictures.pictures import encode


@pytest.mark.parametrize(("quality", "halved"), [(100, 0), (91, 0), (90, 2), (1, 2), (0, 2)])
def test_a_fine_jpeg_keeps_its_colours_at_full_resolution(quality: int, halved: int) -> None:
    data = encode(Image.effect_noise((32, 32), 60).convert("RGB"), "JPG", quality)
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
        assert isinstance(picture, JpegImagePlugin.JpegImageFile)
        assert JpegImagePlugin.get_sampling(picture) == halved


@pytest.mark.parametrize("kind", ["PNG", "WEBP_LOSSLESS"])
def test_lossless_formats_keep_every_pixel(kind: str) -> None:
    picture = Image.effect_noise((32, 32), 60).convert("RGB")
    with Image.open(io.BytesIO(encode(picture, kind, 10))) as after:
        assert after.convert("RGB").tobytes() == picture.tobytes()


def test_quality_counts_for_lossy_formats() -> None:
    picture = Image.effect_noise((64, 64), 60).convert("RGB")
    for kind in ("JPG", "WEBP"):
        assert len(encode(picture, kind, 30)) < len(encode(picture, kind, 95))

"""A blurred picture keeps its size and format, and nothing of its content."""

from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from hub.safety.blur import TILES, blurred


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_nothing_can_be_made_out(kind: str) -> None:
    drawn = Image.new("RGB", (192, 96), "white")
    ImageDraw.Draw(drawn).text((10, 30), "SECRET", fill="black", font_size=40)
    file = BytesIO()
    drawn.save(file, kind)
    with Image.open(BytesIO(blurred(file.getvalue()))) as result:
        assert (result.size, result.format) == ((192, 96), kind)
        few = result.convert("L").resize((TILES, TILES // 2), Image.Resampling.BOX)
        again = few.resize((192, 96), Image.Resampling.BICUBIC)
        apart = [abs(a - b) for a, b in zip(result.convert("L").tobytes(), again.tobytes(), strict=True)]
    assert max(apart) < 60  # what is left is what a few patches tell


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 3)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    file = BytesIO()
    Image.new("RGBA", size, (1, 2, 3, 0)).save(file, "PNG")
    with Image.open(BytesIO(blurred(file.getvalue()))) as result:
        assert result.size == size


def test_what_is_no_picture() -> None:
    with pytest.raises(OSError, match="identify"):
        blurred(b"<svg/>")

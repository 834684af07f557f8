"""The page of a grid and the grid as one picture."""

import base64
import hashlib
import json
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hub.errors import BadInput
from hub.grids.axes import Axis, read_axes
from hub.grids.page import POLICY, is_page, page
from hub.grids.picture import MOST_PIXELS, check_axes, draw_grid
from hub.params import Registry

FIND = Registry().find


def axes(*pairs: tuple[str, str]) -> tuple[Axis, ...]:
    return read_axes([{"mode": mode, "vals": values} for mode, values in pairs], FIND)


def block(text: str, start: str, end: str = "</script>") -> str:
    return text.partition(start)[2].partition(end)[0]


class TestPage:
    @settings(deadline=None)
    @given(st.text(min_size=1, max_size=40).filter(lambda text: text.strip(" ,|") and "\0" not in text))
    def test_no_text_gets_out_of_its_place(self, text: str) -> None:
        grid = axes(("prompt", f"{text}||</script><script>alert(1)</script>"))
        made = page(text, grid, "png", {}, {"a": text})
        data = json.loads(block(made, 'id="grid">'))
        assert [value["title"] for value in data["axes"][0]["values"]] == [v.title for v in grid[0].values]
        assert data["metadata"] == {"a": text}
        assert made.count("<script") == 2
        assert made.count("<h1>") == 1

    def test_the_policy_allows_its_script_and_style_and_nothing_else(self) -> None:
        made = page("t", axes(("steps", "1")), "png", {}, {})
        for text in (block(made, "<script>"), block(made, "<style>", "</style>")):
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in POLICY
        assert "unsafe" not in POLICY
        assert "default-src 'none'" in POLICY

    @pytest.mark.parametrize(
        ("path", "yes"),
        [
            ("Grids/a/index.html", True),
            ("Grids/me/a/index.html", True),
            ("Grids/a/other.html", False),
            ("raw/index.html", False),
            ("index.html", False),
        ],
    )
    def test_only_a_grid_s_page_is_one(self, path: str, yes: bool) -> None:
        assert is_page(path) is yes


def picture(colour: str, side: int = 40) -> bytes:
    kept = BytesIO()
    Image.new("RGB", (side, side), colour).save(kept, "PNG")
    return kept.getvalue()


class TestOnePicture:
    def test_cells_lie_where_their_values_are_written(self) -> None:
        grid = axes(("steps", "1,2,SKIP:3"), ("seed", "4,5"))
        colours = {"1/4": "red", "2/4": "green", "1/5": "blue"}
        data, width, height = draw_grid(
            grid, lambda path: picture(colours[path]) if path in colours else None, "PNG", 100
        )
        with Image.open(BytesIO(data)) as whole:
            assert (whole.width, whole.height) == (width, height)
            right, bottom = width - 20, height - 20
            pixels = [whole.getpixel(at) for at in ((right - 40, bottom - 40), (right, bottom - 40))]
            assert pixels == [(255, 0, 0), (0, 128, 0)]
            assert whole.getpixel((right - 40, bottom)) == (0, 0, 255)
            assert whole.getpixel((right, bottom)) == (225, 225, 225)

    def test_a_large_one_is_made_smaller(self) -> None:
        grid = axes(("steps", "1,2,..,60"), ("seed", "1,2,..,60"))
        one = picture("red", 400)
        data, width, height = draw_grid(grid, lambda path: one if path == "1/1" else None, "JPG", 50)
        assert width * height < 1.3 * MOST_PIXELS
        assert max(width, height) < 20_000
        assert data.startswith(b"\xff\xd8")

    @pytest.mark.parametrize("form", ["PNG", "JPG", "WEBP", "WEBP_LOSSLESS"])
    def test_long_texts_fit_into_every_format(self, form: str) -> None:
        grid = axes(("prompt", f"{'word ' * 100}||\u4e2d\u6587 \u00e4"))
        data, _, _ = draw_grid(grid, lambda path: picture("red"), form, 80)
        with Image.open(BytesIO(data)) as whole:
            assert whole.height > 40

    def test_four_axes_are_refused(self) -> None:
        with pytest.raises(BadInput):
            check_axes(axes(*[("seed", "1")] * 4))

"""The page of parameters is what the code says."""

from pathlib import Path

from hub.params import Registry
from hub.params.page import write_page

PAGE = Path(__file__).parents[3] / "docs" / "parameters.md"


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == write_page(Registry()), "Run: python -m hub.params"


def test_every_parameter_is_on_it() -> None:
    page = write_page(Registry())
    assert all(f"| `{name}` |" in page for name in Registry().params)

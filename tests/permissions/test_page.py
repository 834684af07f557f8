"""docs/permissions.md says what the code says."""

from pathlib import Path

from permissions.page import write_page

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"


def test_the_page_is_what_the_flags_say() -> None:
    assert PAGE.read_text("utf-8") == write_page(), "Run `python -m permissions`."

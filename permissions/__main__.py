"""Writes docs/permissions.md: `python -m permissions`."""

from pathlib import Path

from permissions.page import write_page

if __name__ == "__main__":
    page = Path(__file__).resolve().parents[1] / "docs" / "permissions.md"
    page.write_text(write_page(), "utf-8")

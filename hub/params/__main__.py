"""Writes docs/parameters.md: `python -m hub.params`."""

from pathlib import Path

from hub.params.page import write_page
from hub.params.registry import Registry

if __name__ == "__main__":
    page = Path(__file__).resolve().parents[2] / "docs" / "parameters.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text(write_page(Registry()), encoding="utf-8")

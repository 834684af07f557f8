"""Every theme on real pages: drawn with its own colours, and nothing on them is hard to read."""

import pytest
from playwright.async_api import expect

import themes
from tests.browser.audit import faults
from tests.browser.conftest import OpenTab

pytestmark = [pytest.mark.browser, pytest.mark.long]


async def test_pages_can_be_read_in_every_theme(open_tab: OpenTab) -> None:
    tab = await open_tab()
    for theme_id, theme in themes.discover().items():
        await tab.page.evaluate("id => localStorage.setItem('hub.theme', id)", theme_id)
        await tab.page.get_by_role("navigation", name="Pages").get_by_text("Generate").click()
        await tab.page.reload()
        await tab.ready()
        colours = "getComputedStyle(document.documentElement).colorScheme"
        assert await tab.page.evaluate(colours) == ("dark" if theme.is_dark else "light")
        for place in ("Generate", "Queue", "Server", "My settings"):
            await tab.page.get_by_role("navigation", name="Pages").get_by_text(place).click()
            await expect(tab.page.get_by_role("heading", name=place, level=1)).to_be_attached()
            await expect(tab.page.get_by_text("Reading…")).to_have_count(0)
            assert await faults(tab.page) == [], (theme_id, place)

"""The page of engines: one is added, its settings refused and taken, watched, switched off and removed."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.audit import beyond, faults
from tests.browser.conftest import OpenTab
from tests.comfy.server import Settings
from tests.comfy.serving import serving

pytestmark = pytest.mark.browser


async def opened(open_tab: OpenTab, width: int = 1280) -> Page:
    """The page of engines."""
    tab = await open_tab(width, 844)
    await tab.page.click("nav >> text=Backends")
    await expect(tab.page.get_by_role("article", name="Diffusers on this machine")).to_contain_text(
        "ready", timeout=60_000
    )
    return tab.page


async def test_a_comfyui_is_added_used_and_removed(open_tab: OpenTab) -> None:
    async with serving(Settings(step_seconds=0.01)) as comfy:
        page = await opened(open_tab)
        await page.get_by_role("button", name="Add a backend").click()
        await page.get_by_role("menuitem", name="ComfyUI API By URL").click()
        form = page.get_by_role("dialog", name="ComfyUI API By URL")
        await form.get_by_label("Address").fill(comfy.url)
        await form.get_by_label("Over queue").fill("99")
        await form.get_by_role("button", name="Save", exact=True).click()
        await expect(form.get_by_role("alert").first).to_be_visible()
        await expect(form.get_by_label("Over queue")).to_have_value("99")
        await form.get_by_label("Over queue").fill("2")
        await form.get_by_role("button", name="Save", exact=True).click()
        await expect(form.get_by_role("button", name="Save", exact=True)).to_have_count(0)
        await form.get_by_label("What it is called").fill("desk")
        await form.get_by_role("button", name="Rename").click()
        desk = page.get_by_role("dialog", name="desk")
        await expect(desk).to_be_visible()
        assert await faults(page) == []
        await page.keyboard.press("Escape")
        card = page.get_by_role("article", name="desk")
        await expect(card).to_contain_text("ready", timeout=60_000)
        await expect(card).to_contain_text(comfy.url)
        await card.get_by_label("On").uncheck()
        await expect(card).to_contain_text("switched off", timeout=60_000)
        await card.get_by_role("button", name="Remove desk").click()
        await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(card).to_have_count(0, timeout=60_000)


@pytest.mark.parametrize("width", [390, 1280])
async def test_it_is_accessible_and_fits(open_tab: OpenTab, width: int) -> None:
    page = await opened(open_tab, width)
    assert await faults(page) == []
    assert await beyond(page) == 0
    await page.get_by_role("button", name="Log", exact=True).click()
    await expect(page.get_by_role("dialog", name="Log of Diffusers on this machine")).to_be_visible()
    assert await faults(page) == []

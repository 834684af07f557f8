"""The gallery: many pictures, a keyboard, a viewer, and a deletion that can be taken back."""

import asyncio
import os
import re
import shutil
import time
import zipfile

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.audit import beyond, faults
from tests.browser.conftest import OpenTab
from tests.browser.hub_process import HubProcess
from tests.browser.tab import Tab
from tests.browser.test_refusals import call

pytestmark = pytest.mark.browser
MANY = 500
EVERYTHING = {"path": "", "depth": 10, "sortBy": "Date", "limit": 1000}


def pictures(page: Page) -> Locator:
    """The tiles that are in the page."""
    return page.get_by_role("listbox", name="Pictures").get_by_role("option")


async def opened(tab: Tab) -> Page:
    """The gallery with its first pictures."""
    await tab.page.click("nav >> text=Gallery")
    await expect(pictures(tab.page).first).to_be_visible(timeout=60_000)
    return tab.page


async def test_an_empty_one_says_what_to_do(open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.page.click("nav >> text=Gallery")
    await expect(tab.page.get_by_text("No pictures yet")).to_be_visible()
    await expect(tab.page.locator("main").get_by_role("link", name="Generate")).to_be_visible()


async def test_a_finished_picture_is_there_opened_and_reused(open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.write("a red circle on a blue background", seed="77")
    await tab.generate()
    await tab.until("done", 1)
    page = await opened(tab)
    await (
        page.get_by_role("listbox", name="Pictures")
        .get_by_role("option", name="a red circle on a blue background")
        .click()
    )
    viewer = page.get_by_role("dialog", name="Picture")
    await expect(viewer).to_contain_text("seed 77")
    await expect(page).to_have_url(re.compile("picture="))
    await page.reload()
    await expect(viewer).to_be_visible()
    assert await faults(page) == []
    await viewer.get_by_role("button", name="Reuse parameters").click()
    await expect(page.locator("#field-seed")).to_have_value("77")


async def test_very_many_are_walked_selected_deleted_and_brought_back(
    open_tab: OpenTab, hub: HubProcess
) -> None:
    tab = await open_tab()
    folder = next((hub.data / "outputs").rglob("*.png")).parent
    source = next(folder.glob("*.png"))
    for number in range(MANY):
        shutil.copy(source, folder / f"copy-{number:04}.png")
    for file in [*folder.iterdir(), folder]:
        os.utime(file, (time.time() - 3600,) * 2)  # what is just being written is not looked at
    async with asyncio.timeout(60):
        while len((await call(tab, "ListImages", **EVERYTHING))["files"]) <= MANY:  # noqa: ASYNC110 (found now and then)
            await asyncio.sleep(0.5)
    page = await opened(tab)
    options = pictures(page)
    async with asyncio.timeout(60):
        while not await page.locator(f"[aria-posinset='{MANY}']").count():  # read while one scrolls
            await page.mouse.wheel(0, 4000)
            await asyncio.sleep(0.1)
    assert await options.count() < 150, "only what is on the screen is in the page"
    listing = page.get_by_role("listbox", name="Pictures")
    await listing.focus()
    await page.keyboard.press("Home")
    await page.keyboard.press("Space")
    for _ in range(3):
        await page.keyboard.press("Shift+ArrowRight")
    await expect(page.get_by_text("4 selected")).to_be_visible()
    assert await faults(page) == []
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Zip").click()
    with zipfile.ZipFile(await (await download.value).path()) as packed:
        assert sum(name.endswith(".png") for name in packed.namelist()) == 4
    named = await page.locator("[aria-posinset='1']").get_attribute("title")
    await listing.focus()
    await page.keyboard.press("Delete")
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("4 deleted.").first).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("[aria-posinset='1']")).to_have_attribute("title", named or "")
    await listing.focus()
    await page.keyboard.press("Home")
    await page.keyboard.press("Shift+Delete")
    await expect(page.get_by_text("1 deleted.").first).to_be_visible()
    await page.click("nav >> text=Queue")  # leaving makes it final
    await expect(page.get_by_role("heading", name="Queue", level=2)).to_be_visible()


async def test_search_and_stars_are_in_the_address(open_tab: OpenTab) -> None:
    tab = await open_tab()
    page = await opened(tab)
    await page.get_by_placeholder("Search the prompts").fill("nothing like this")
    await expect(page.get_by_text("No picture matches.")).to_be_visible()
    await expect(page).to_have_url(re.compile("q=nothing"))
    await page.get_by_role("button", name="Show all").click()
    await expect(pictures(page).first).to_be_visible()
    await page.get_by_role("listbox", name="Pictures").focus()
    await page.keyboard.press("s")
    await expect(
        page.get_by_role("listbox", name="Pictures").get_by_role("option", name="starred").first
    ).to_be_visible()
    await page.get_by_role("button", name="Starred").click()
    await expect(page).to_have_url(re.compile("starred=1"))
    await expect(pictures(page)).to_have_count(1)


async def test_it_fits_a_telephone(open_tab: OpenTab) -> None:
    tab = await open_tab(390, 844)
    page = await opened(tab)
    assert await beyond(page) == 0
    assert await faults(page) == []

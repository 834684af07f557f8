"""The queue page: what runs and waits, its job's life, and what can be done to it."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.audit import beyond, faults
from tests.browser.conftest import OpenTab

pytestmark = pytest.mark.browser


async def test_a_job_is_seen_followed_and_stopped(open_tab: OpenTab) -> None:
    tab = await open_tab()
    page = tab.page
    await tab.write("a red circle on a blue background", images="2", steps="400")
    await tab.generate()
    await page.click("nav >> text=Queue")
    await expect(page).to_have_url(re.compile("/queue$"))
    job = page.locator("article").first
    await expect(job).to_contain_text("a red circle on a blue background")
    await expect(job).to_contain_text("0 of 2 images")
    await expect(job.get_by_role("progressbar")).to_be_visible()
    await job.get_by_role("button", name="a red circle on a blue background", exact=True).click()
    drawer = page.get_by_role("dialog", name="Job")
    await expect(drawer).to_contain_text("accepted")
    await expect(drawer).to_contain_text("first step", timeout=60_000)
    await page.reload()
    await expect(drawer).to_contain_text("first step", timeout=60_000)
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(re.compile("/queue$"))
    await job.get_by_role("button", name="Stop: a red circle on a blue background").click()
    await expect(job).to_contain_text("interrupted", timeout=60_000)
    await expect(page.get_by_text("Nothing waits and nothing runs")).to_be_visible()
    await job.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("button", name="Stop: a red circle on a blue background")).to_be_visible()
    await page.get_by_role("button", name="What to stop").click()
    await page.get_by_role("menuitem", name="Stop all my tabs").click()
    await expect(page.get_by_text("Nothing waits and nothing runs")).to_be_visible(timeout=60_000)


@pytest.mark.parametrize("width", [390, 1280])
async def test_the_page_is_accessible_and_fits(open_tab: OpenTab, width: int) -> None:
    tab = await open_tab(width, 844)
    await tab.write("a red circle on a blue background")
    await tab.generate()
    await tab.page.click("nav >> text=Queue")
    await expect(tab.page.locator("article").first).to_be_visible()
    assert await faults(tab.page) == []
    assert await beyond(tab.page) == 0


async def test_pages_have_addresses_of_their_own(open_tab: OpenTab) -> None:
    tab = await open_tab()
    page = tab.page
    await page.keyboard.press("Alt+2")
    await expect(page.get_by_role("heading", name="Queue", level=2)).to_be_visible()
    await page.go_back()
    await expect(page.locator(".generate")).to_be_visible()
    answer = await page.goto(page.url + "no_such_page")
    assert answer is not None and answer.status == 404

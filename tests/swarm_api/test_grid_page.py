"""A grid's page in a real browser: served by the hub, and opened from a disk with no network at all."""

import shutil
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from hub.media import Media
from tests.browser.conftest import ARGUMENTS
from tests.swarm_api.sketching import SETTINGS, Tenant, tenant
from tests.swarm_api.test_grids import axis, run

pytestmark = [pytest.mark.asyncio(loop_scope="module")]
HUB_SETTINGS = SETTINGS
hub = tenant


async def make(hub: Tenant) -> None:
    frames = await run(
        hub, axis("prompt", "red || <b>blue</b> sea"), axis("steps", "1,2,SKIP:3"), axis("seed", "4,5")
    )
    assert frames[-1]["success"] == "complete"


async def check(page: Page) -> None:
    """The page shows its images, its axes are selects, all of it can be done with the keyboard."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if "Content Security" in line.text else None)
    await page.reload()
    await expect(page.get_by_role("heading", name="tries")).to_be_visible()
    await expect(page.get_by_role("columnheader", name="<b>blue</b> sea")).to_be_visible()
    cells = page.locator("td button")
    await expect(cells).to_have_count(6)
    loaded = "images => images.filter(image => image.complete && image.naturalWidth > 0).length"
    await expect(page.locator("td button", has_text="no image")).to_have_count(2)
    assert await page.locator("td img").evaluate_all(loaded) == 4
    await page.get_by_label("Seed", exact=True).select_option("5")
    await expect(page.locator("td img").first).to_have_attribute("src", "red/1/5.png")
    await page.get_by_label("Down").select_option("Seed")
    await expect(cells).to_have_count(4)
    await page.get_by_label("Down").focus()
    for _ in range(3):
        await page.keyboard.press("Tab")
    while not await page.evaluate("document.activeElement.matches('td button')"):
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_contain_text("Prompt: red, Steps: 1, Seed: 4")
    await expect(page.get_by_role("dialog")).to_contain_text('"seed": 4')
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("dialog")).to_contain_text("Prompt: <b>blue</b> sea")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    assert problems == []


async def test_served_and_offline(hub: Tenant, browser_path: str | None, tmp_path: Path) -> None:
    await make(hub)
    home = hub.room(Media).outputs.home(hub.user) / "Grids" / "tries"
    shutil.copytree(home, tmp_path / "taken along")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        page = await browser.new_page(extra_http_headers={"X-Session-ID": hub.session})
        await page.goto(f"{hub.url}/View/{hub.user}/Grids/tries/index.html")
        await check(page)
        away = await browser.new_page(offline=True)
        await away.goto((tmp_path / "taken along" / "index.html").as_uri())
        await check(away)
        await browser.close()

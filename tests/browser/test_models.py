"""The page of models: found, starred, chosen; wildcards written and tried."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.audit import beyond, faults
from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab

pytestmark = pytest.mark.browser
KINDS = ("Models", "LoRAs", "VAEs", "Embeddings", "ControlNets", "Text encoders", "Wildcards")


async def opened(tab: Tab, kind: str = "Models") -> Page:
    """One kind of models."""
    await tab.page.click("nav >> text=Models")
    await tab.page.get_by_role("tab", name=kind, exact=True).click()
    await expect(tab.page.get_by_text("Reading…")).to_have_count(0)
    return tab.page


async def test_a_model_is_found_starred_and_chosen(open_tab: OpenTab) -> None:
    page = await opened(await open_tab())
    search = page.get_by_placeholder("Name, text, class, tag")
    await search.fill("nothing like this")
    await expect(page.get_by_text("Nothing matches.")).to_be_visible()
    await search.fill("demonstration")
    star = page.get_by_role("button", name="Star Starter (demonstration)")
    await star.click()
    await expect(star).to_have_attribute("aria-pressed", "true")
    await page.reload()
    await expect(star).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("button", name="Starter (demonstration)", exact=True).click()
    details = page.get_by_role("dialog", name="Starter (demonstration)")
    await expect(details).to_contain_text("MIT")
    assert await faults(page) == []
    await details.get_by_role("button", name="Use it").click()
    await expect(page.get_by_label("Model", exact=True)).to_have_value("starter")


async def test_a_wildcard_is_written_tried_and_deleted(open_tab: OpenTab) -> None:
    page = await opened(await open_tab(), "Wildcards")
    await page.get_by_label("Name, with / between folders").fill("colours/warm")
    await page.get_by_label("One option a line").fill("red\norange # not yellow\n")
    await expect(page.get_by_text("2 options")).to_be_visible()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("list", name="Wildcards").get_by_text("colours/warm")).to_be_visible()
    await page.get_by_role("button", name="Draw ten").click()
    drawn = page.locator("ol > li")
    await expect(drawn).to_have_count(10)
    assert set(await drawn.all_inner_texts()) <= {"red", "orange"}
    assert await faults(page) == []
    await page.get_by_role("button", name="Delete", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_role("list", name="Wildcards").get_by_text("colours/warm")).to_have_count(0)


async def test_a_download_that_is_not_allowed_says_so(open_tab: OpenTab) -> None:
    page = await opened(await open_tab())
    await page.get_by_role("button", name="Download…").click()
    form = page.get_by_role("dialog", name="Download a model")
    await form.get_by_label("Address, or hf").fill("http://127.0.0.1:9/model.safetensors")
    await form.get_by_role("button", name="Download", exact=True).click()
    await expect(form.get_by_role("alert")).to_be_visible()
    assert await faults(page) == []


@pytest.mark.parametrize("width", [390, 1280])
async def test_every_kind_is_accessible_and_fits(open_tab: OpenTab, width: int) -> None:
    tab = await open_tab(width, 844)
    for kind in KINDS:
        page = await opened(tab, kind)
        assert await faults(page) == [], kind
        assert await beyond(page) == 0, kind

"""One's own settings: saved or refused whole, tokens shown once, sessions ended."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.audit import beyond, faults
from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab

pytestmark = pytest.mark.browser
TABS = ("Settings", "Look and language", "Sessions", "Tokens", "Keys of other services", "Account")


async def opened(tab: Tab, part: str = "Settings") -> Page:
    """A part of the page of one's own settings."""
    await tab.page.click("nav >> text=My settings")
    await tab.page.get_by_role("tab", name=part, exact=True).click()
    return tab.page


async def test_a_change_is_marked_saved_and_kept(open_tab: OpenTab) -> None:
    page = await opened(await open_tab())
    await page.get_by_placeholder("Search the settings").fill("most characters")
    box = page.get_by_label("Max len per part")
    await box.fill("55")
    await expect(page.get_by_text("1 change")).to_be_visible()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("1 change")).to_have_count(0)
    await page.reload()
    await page.get_by_placeholder("Search the settings").fill("most characters")
    await expect(box).to_have_value("55")
    await page.get_by_role("button", name="Back to the default").click()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(box).to_have_value("40")


async def test_what_the_hub_refuses_stands_under_its_field(open_tab: OpenTab) -> None:
    page = await opened(await open_tab())
    await page.get_by_label("Max len per part").fill("many")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("alert").filter(has_text="type integer").first).to_be_visible()
    await expect(page.get_by_label("Max len per part")).to_be_focused()
    await expect(page.get_by_text("1 change")).to_be_visible()
    await page.get_by_role("button", name="Discard").click()
    await expect(page.get_by_label("Max len per part")).to_have_value("40")


async def test_a_token_is_shown_once_works_and_is_revoked(open_tab: OpenTab) -> None:
    tab = await open_tab()
    page = await opened(tab, "Tokens")
    await page.get_by_label("For what").fill("a bot of mine")
    await page.get_by_label("Only some of my permissions").check()
    await page.get_by_role("checkbox", name="view_image_history").check()
    await page.get_by_role("button", name="Make the token").click()
    token = await page.locator(".token").inner_text()
    answer = await page.request.post(
        page.url.split("/me")[0] + "/API/GetNewSession", data={}, headers={"Authorization": f"Bearer {token}"}
    )
    assert (await answer.json())["permissions"] == ["view_image_history"]
    await page.reload()
    row = page.get_by_role("row").filter(has_text="a bot of mine")
    await expect(row).to_contain_text("view_image_history")
    assert token not in await page.content()
    await row.get_by_role("button", name="Revoke a bot of mine").click()
    await expect(row).to_have_count(0)


async def test_another_tab_is_told_when_its_session_ends(open_tab: OpenTab) -> None:
    tab, other = await open_tab(), await open_tab()
    gone = await other.session()
    page = await opened(tab, "Sessions")
    await page.get_by_role("button", name="End all others").click()
    await page.get_by_role("dialog").get_by_role("button", name="End all others").click()
    await expect(page.get_by_role("row")).to_have_count(2)
    await other.page.bring_to_front()
    await other.page.click("nav >> text=Queue")
    await other.page.wait_for_function(
        "old => JSON.parse(sessionStorage.getItem('hub.session')).session_id !== old", arg=gone
    )


@pytest.mark.parametrize("width", [390, 1280])
async def test_every_part_is_accessible_and_fits(open_tab: OpenTab, width: int) -> None:
    tab = await open_tab(width, 844)
    for part in TABS:
        page = await opened(tab, part)
        await expect(page.get_by_text("Reading…")).to_have_count(0)
        assert await faults(page) == [], part
        assert await beyond(page) == 0, part

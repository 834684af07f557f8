"""The page of the server: accounts, roles, settings, log, and how the machine fares."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from tests.browser.audit import beyond, faults
from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab

pytestmark = pytest.mark.browser
PARTS = ("Overview", "Users", "Roles", "Settings", "Log")


async def opened(tab: Tab, part: str) -> Page:
    """A part of the server's page."""
    await tab.page.click("nav >> text=Server")
    await tab.page.get_by_role("tab", name=part, exact=True).click()
    await expect(tab.page.get_by_text("Reading…")).to_have_count(0)
    return tab.page


@pytest.fixture
async def tab(open_tab: OpenTab) -> AsyncIterator[Tab]:
    """The local owner's tab."""
    yield await open_tab()


async def test_an_account_is_made_refused_changed_and_deleted(tab: Tab) -> None:
    page = await opened(tab, "Users")
    await page.get_by_label("Name", exact=True).fill("berta")
    await page.get_by_label("Password", exact=True).fill("a long password")
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.get_by_role("button", name="berta", exact=True).click()
    roles = page.get_by_role("group", name="Roles")
    await expect(roles.get_by_label("user", exact=True)).to_be_checked()
    await roles.get_by_label("poweruser", exact=True).check()
    await page.reload()
    await expect(roles.get_by_label("poweruser", exact=True)).to_be_checked()
    assert await faults(page) == []
    await page.get_by_label("Name", exact=True).fill("berta")
    await page.get_by_label("Password", exact=True).fill("another password")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator("form [role=alert]")).to_be_visible()
    await page.get_by_role("button", name="Delete the account").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete the account").click()
    await expect(page.get_by_role("button", name="berta", exact=True)).to_have_count(0)


async def test_a_role_is_made_changed_and_deleted(tab: Tab) -> None:
    page = await opened(tab, "Roles")
    await page.get_by_label("New role").fill("painters")
    await page.get_by_role("button", name="Add", exact=True).click()
    box = page.get_by_role("checkbox", name="painters has view_logs")
    await expect(box).not_to_be_checked()
    await box.check()
    await page.get_by_label("Steps (0: no limit)").fill("40")
    assert await faults(page) == []
    await page.get_by_role("button", name="Save the role").click()
    await expect(page.locator("[aria-live=polite]").filter(has_text="role is changed")).to_be_attached()
    await page.reload()
    await page.get_by_label("Change a role").select_option("painters")
    await expect(box).to_be_checked()
    await expect(page.get_by_label("Steps (0: no limit)")).to_have_value("40")
    await page.get_by_role("button", name="Delete this role").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete this role").click()
    await expect(box).to_have_count(0)


async def test_a_setting_is_refused_and_then_taken(tab: Tab) -> None:
    page = await opened(tab, "Settings")
    await page.get_by_placeholder("Search the settings").fill("session days")
    days = page.get_by_label("Session days")
    await days.fill("0")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("alert").first).to_be_visible()
    await days.fill("30")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("1 change")).to_have_count(0)
    await page.reload()
    await page.get_by_placeholder("Search the settings").fill("session days")
    await expect(days).to_have_value("30")


async def test_the_log_shows_what_happens(tab: Tab) -> None:
    page = await opened(tab, "Log")
    await expect(page.get_by_role("log")).to_contain_text("Listening on")
    await page.get_by_placeholder("Filter the lines").fill("no line like this")
    await expect(page.get_by_text("No line matches.")).to_be_visible()


async def test_plots_can_be_read_as_tables(tab: Tab) -> None:
    page = await opened(tab, "Overview")
    await expect(page.locator("canvas").first).to_be_visible()
    await page.get_by_role("button", name="Processor as a table").click()
    await expect(page.get_by_role("region", name="Processor").get_by_role("row").nth(1)).to_be_visible()
    await page.get_by_role("button", name="Stop the hub").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Somebody has to start it again")
    await page.get_by_role("button", name="Keep it").click()


@pytest.mark.parametrize("width", [390, 1280])
async def test_every_part_is_accessible_and_fits(open_tab: OpenTab, width: int) -> None:
    tab = await open_tab(width, 844)
    for part in PARTS:
        page = await opened(tab, part)
        assert await faults(page) == [], part
        assert await beyond(page) == 0, part

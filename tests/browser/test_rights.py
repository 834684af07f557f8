"""Whoever loses a permission loses what needs it in the open tab within a poll, and gets it back so."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.hub_process import HubProcess
from tests.browser.tab import Tab

pytestmark = pytest.mark.browser
PASSWORD = "a long password"
A_POLL = 45_000  # milliseconds: two of the page's polls and some for a busy machine


CALL = """async ([name, body]) => (await fetch(`API/${name}`, {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify(body),
})).json()"""


async def call(tab: Tab, route: str, **body: Any) -> Any:
    """A call as the tab's own page would make it."""
    return await tab.page.evaluate(CALL, [route, {"session_id": await tab.session(), **body}])


@pytest.fixture
async def people(browser: Browser, hub: HubProcess) -> AsyncIterator[tuple[Tab, Tab]]:
    """An owner and a painter, each signed in with a browser of their own."""
    contexts = [await browser.new_context(viewport={"width": 1280, "height": 800}) for _ in range(3)]
    first = Tab(await contexts[0].new_page())
    await first.open(hub.url)
    await call(first, "AdminAddRole", name="painters")
    user = (await call(first, "AdminListRoles"))["roles"]["user"]
    changed = {"name": "painters", "permissions": ",".join(user["permissions"])}
    changed |= {"model_whitelist": "", "model_blacklist": ""}
    assert "success" in await call(first, "AdminEditRole", **{**user, **changed})
    for name, role in (("berta", "painters"), ("anna", "owner")):
        assert "success" in await call(first, "AdminAddUser", name=name, password=PASSWORD, role=role)
    await contexts[0].close()
    tabs = []
    for name, context in zip(("anna", "berta"), contexts[1:], strict=True):
        page = await context.new_page()
        await page.goto(hub.url)
        await page.get_by_label("Name", exact=True).fill(name)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("dialog").get_by_role("button", name="Sign in", exact=True).click()
        tabs.append(Tab(page))
        await tabs[-1].ready()
    yield tabs[0], tabs[1]
    assert [problem for tab in tabs for problem in tab.problems] == []
    for context in contexts[1:]:
        await context.close()


async def let_see_pictures(page: Page, allowed: bool) -> None:
    """Give or take the permission, as the owner does it on the page of the server."""
    box = page.get_by_role("checkbox", name="painters has view_image_history")
    await box.set_checked(allowed)
    await page.get_by_role("button", name="Save the role").click()
    await expect(page.locator("[aria-live=polite]").filter(has_text="role is changed")).to_be_attached()


async def test_a_permission_goes_and_comes_in_an_open_tab(people: tuple[Tab, Tab]) -> None:
    owner, painter = people
    menu = painter.page.get_by_role("navigation", name="Pages")
    await menu.get_by_text("Gallery").click()
    await expect(painter.page.get_by_role("heading", name="Gallery", level=1)).to_be_attached()
    await owner.page.click("nav >> text=Server")
    await owner.page.get_by_role("tab", name="Roles", exact=True).click()
    await owner.page.get_by_label("Change a role").select_option("painters")
    await let_see_pictures(owner.page, False)
    await painter.page.bring_to_front()
    await expect(menu.get_by_text("Gallery")).to_have_count(0, timeout=A_POLL)
    await expect(painter.page.get_by_text("Not allowed", exact=True)).to_be_visible()
    await expect(painter.page.get_by_text("view_image_history")).to_be_visible()
    await menu.get_by_text("Generate").click()
    await expect(painter.page.locator(".history")).to_have_count(0)
    await painter.page.reload()
    await painter.ready()
    await expect(menu.get_by_text("Gallery")).to_have_count(0)
    await owner.page.bring_to_front()
    await let_see_pictures(owner.page, True)
    await painter.page.bring_to_front()
    await expect(menu.get_by_text("Gallery")).to_be_visible(timeout=A_POLL)
    await expect(painter.page.locator(".history")).to_be_attached()

"""The page without a mouse, on a narrow screen, and through the eyes of an automatic audit."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.audit import faults
from tests.browser.conftest import OpenTab
from tests.browser.hub_process import HubProcess

pytestmark = pytest.mark.browser


async def focused(page: Page, what: str = "id") -> Any:
    """A property of the element that has the focus."""
    return await page.evaluate(f"document.activeElement.{what}")


async def test_a_picture_is_made_with_the_keyboard_alone(open_tab: OpenTab) -> None:
    tab = await open_tab()
    keys = tab.page.keyboard
    await keys.press("Tab")
    assert await focused(tab.page, "textContent") == "Skip to the prompt"
    await keys.press("Enter")
    await keys.press("Tab")
    assert await focused(tab.page) == "field-prompt"
    await keys.type("a red circle on a blue background")
    await keys.press("Control+Enter")
    await tab.until("done", 1)


async def test_the_stop_menu_opens_closes_and_gives_the_focus_back(open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.page.focus("[aria-haspopup=menu]")
    await tab.page.keyboard.press("Enter")
    await tab.page.wait_for_selector("[role=menuitem]:focus")
    await tab.page.keyboard.press("ArrowDown")
    assert "Stop all my tabs" in await focused(tab.page, "textContent")
    await tab.page.keyboard.press("Escape")
    assert await focused(tab.page, "getAttribute('aria-expanded')") == "false"


async def test_a_wrong_number_is_named_under_its_field_and_nothing_is_sent(open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.write("a red circle", steps="9999")
    await tab.generate()
    await tab.page.wait_for_selector("#fault-steps")
    assert "500" in await tab.page.inner_text("#fault-steps")
    await expect(tab.page.locator("#field-steps")).to_be_focused()
    assert await tab.cells().count() == 0


async def test_a_refusal_of_the_hub_stands_under_its_field(open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.page.evaluate(
        """() => { const box = document.getElementById('field-prompt');
                   box.value = 'circle '.repeat(20000);
                   box.dispatchEvent(new Event('input', {bubbles: true})); }"""
    )
    await tab.generate()
    await tab.page.wait_for_selector("#fault-prompt")
    await expect(tab.page.locator("#field-prompt")).to_be_focused()
    assert await tab.page.get_attribute("#field-prompt", "aria-invalid") == "true"
    assert await tab.cells().count() == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
async def test_nothing_lies_beyond_the_side_of_the_screen(open_tab: OpenTab, width: int) -> None:
    tab = await open_tab(width, 844)
    if width < 760:
        await tab.page.click(".fold >> nth=0")
    await tab.write("a red circle on a blue background", images="3")
    await tab.generate()
    await tab.until("done", 3)
    assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width


async def test_a_reload_keeps_the_draft_and_the_session(open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.write("a draft", steps="12")
    session = await tab.session()
    await tab.page.reload()
    await tab.ready()
    assert await tab.page.input_value("#field-prompt") == "a draft"
    assert await tab.page.input_value("#field-steps") == "12"
    assert await tab.session() == session


async def test_a_duplicated_tab_takes_its_own_session(open_tab: OpenTab) -> None:
    tab = await open_tab()
    session = await tab.session()
    # A window opened by the page starts with a copy of its sessionStorage, just like a duplicated tab.
    async with tab.page.context.expect_page() as opened:
        await tab.page.evaluate("void window.open(location.href)")
    copy = await opened.value
    await copy.wait_for_function(
        "old => (JSON.parse(sessionStorage.getItem('hub.session') ?? '{}').session_id ?? old) !== old",
        arg=session,
    )
    assert await tab.session() == session


async def test_the_theme_can_be_chosen_and_is_kept(open_tab: OpenTab) -> None:
    tab = await open_tab()
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    await tab.page.select_option("header select", "modern_light")
    await tab.page.wait_for_function(f"() => {colour} === 'rgb(243, 245, 247)'")
    await tab.page.reload()
    await tab.ready()
    await tab.page.wait_for_function(f"() => {colour} === 'rgb(243, 245, 247)'")
    await tab.page.select_option("header select", "system")


@pytest.mark.parametrize("look", ["dark", "light"])
@pytest.mark.parametrize("width", [390, 1280])
async def test_the_audit_finds_nothing(browser: Browser, hub: HubProcess, look: Any, width: int) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 844}, color_scheme=look)
    page = await context.new_page()
    await page.goto(hub.url)
    await page.wait_for_selector(".generate:not([disabled])")
    assert await faults(page) == []
    await context.close()

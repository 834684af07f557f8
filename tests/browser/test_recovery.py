"""A dead session, a killed hub, a reload in the middle of the work: nothing that was started gets lost."""

import asyncio
import sqlite3

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenTab
from tests.browser.hub_process import HubProcess

pytestmark = pytest.mark.browser


async def test_a_dead_session_is_replaced_without_a_word(open_tab: OpenTab, hub: HubProcess) -> None:
    tab = await open_tab()
    await tab.write("a red circle on a blue background")
    dead = await tab.session()
    await asyncio.to_thread(hub.stop)
    with sqlite3.connect(hub.data / "hub.sqlite3") as store:
        store.execute("DELETE FROM sessions")
    await asyncio.to_thread(hub.start)
    await tab.generate()
    await tab.until("done", 1)
    assert await tab.session() != dead
    assert await tab.page.input_value("#field-prompt") == "a red circle on a blue background"


async def test_a_reload_finds_the_running_work_again(open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.write("a yellow square on a black background", images="3", steps="60")
    await tab.generate()
    await tab.until_running()
    await tab.page.reload()
    await tab.ready()
    await tab.until("done", 3)


async def test_a_killed_hub_finishes_the_work_after_its_restart(open_tab: OpenTab, hub: HubProcess) -> None:
    tab = await open_tab()
    await tab.write("a yellow square on a black background", images="3", steps="60")
    await tab.generate()
    await tab.until_running()
    await asyncio.to_thread(hub.kill)
    band = tab.page.locator(".band[data-kind=warn]")
    await expect(band).to_contain_text("Connection to the hub lost")
    await expect(tab.page.locator(".generate")).to_have_text("Send when back")
    await asyncio.to_thread(hub.start)
    await expect(band).to_have_count(0, timeout=40_000)
    await tab.until("done", 3)


async def test_what_is_sent_while_the_hub_is_away_is_sent_when_it_is_back(
    open_tab: OpenTab, hub: HubProcess
) -> None:
    tab = await open_tab()
    await asyncio.to_thread(hub.stop)
    await tab.write("a red circle on a blue background")
    await tab.generate()
    await expect(tab.page.locator(".generate")).to_have_text("Send when back", timeout=10_000)
    await asyncio.to_thread(hub.start)
    await tab.until("done", 1)

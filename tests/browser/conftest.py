"""A real hub process with the starter model, and real tabs of a real Chromium."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.browser.hub_process import ROOT, HubProcess
from tests.browser.tab import Tab

# What a browser would otherwise fetch from its maker, and what needs a desktop.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

OpenTab = Callable[..., Awaitable[Tab]]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub on a fresh data folder, one for all tests of a file."""
    built = ROOT / "hub" / "static" / "index.html"
    assert built.is_file(), "The page is not built: run `python launch.py test`, or `npm run build` in web/."
    data: Path = tmp_path_factory.mktemp("browser") / "data"
    process = HubProcess(data)
    process.start()
    yield process
    process.stop()


@pytest.fixture
async def browser(browser_path: str | None) -> AsyncIterator[Browser]:
    """A fresh Chromium without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def open_tab(browser: Browser, hub: HubProcess) -> AsyncIterator[OpenTab]:
    """Opens tabs of one browser window; at the end none may have met an error of its own."""
    hub.ensure()
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    tabs: list[Tab] = []

    async def open_tab(width: int = 1280, height: int = 800) -> Tab:
        tab = Tab(await context.new_page())
        await tab.page.set_viewport_size({"width": width, "height": height})
        await tab.open(hub.url)
        tabs.append(tab)
        return tab

    yield open_tab
    assert [problem for tab in tabs for problem in tab.problems] == []
    await context.close()

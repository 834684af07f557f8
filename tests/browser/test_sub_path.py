"""The page behind a reverse proxy that puts it below a path: everything it asks for lies beside it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.browser.hub_process import HubProcess
from tests.browser.tab import Tab

pytestmark = pytest.mark.browser

PREFIX = b"/team/pictures"


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(65536):
            sink.write(chunk)
            await sink.drain()
    sink.close()


@contextlib.asynccontextmanager
async def proxy(port: int) -> AsyncIterator[int]:
    """Forward every connection to `port`, the prefix taken off its path; gives its own port.

    One request a connection: only the first request line of each is read.
    """

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()
            return
        line, rest = head.split(b"\r\n", 1)
        method, path, version = line.split(b" ")
        assert path.startswith(PREFIX + b"/"), f"{path!r} was asked for beside the page's own path"
        onward, back = await asyncio.open_connection("127.0.0.1", port)
        rest = rest.replace(b"Connection: keep-alive", b"Connection: close")
        back.write(b" ".join((method, path[len(PREFIX) :], version)) + b"\r\n" + rest)
        await asyncio.gather(_pipe(reader, back), _pipe(onward, writer))

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_the_page_works_below_a_path(browser: Browser, hub: HubProcess) -> None:
    async with proxy(hub.port) as port:
        tab = Tab(await browser.new_page())
        asked: list[str] = []
        tab.page.on("request", lambda request: asked.append(request.url))
        await tab.open(f"http://127.0.0.1:{port}{PREFIX.decode()}/")
        await tab.write("a red circle on a blue background")
        await tab.generate()
        await tab.until("done", 1)
        await tab.picture()
        beside = [url for url in asked if PREFIX.decode() not in url and not url.startswith("data:")]
        assert beside == []
        assert tab.problems == []
        await tab.page.close()

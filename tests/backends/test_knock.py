"""Engines elsewhere that were given up are called again as soon as somebody listens there."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from backends.contract import EngineConfig
from backends.knock import knock
from backends.pool import Pool
from backends.watch import WatchOptions
from tests.comfy.serving import Comfy

LONG = WatchOptions(ping=0.05, start=30, stop=2, again=10_000.0, knock=0.1)
"""The next try of its own would come in hours."""


async def test_somebody_listens_or_not() -> None:
    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await knock(f"http://127.0.0.1:{port}/path") and await knock(f"127.0.0.1:{port}")
    server.close()
    await server.wait_closed()
    assert not await knock(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["", "http://", "http://[::1", "http://127.0.0.1:99999"])
async def test_what_is_no_address_answers_nothing(address: str) -> None:
    assert not await knock(address)


@pytest.mark.parametrize("idle", [False, True])
async def test_it_serves_as_soon_as_somebody_is_there(idle: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    news = asyncio.Event()
    settings: dict[str, str | int | float | bool] = {"Address": f"http://127.0.0.1:{port}", "AllowIdle": idle}
    config = EngineConfig(1, "comfyui_api", settings=settings)
    nothing = lambda *told: None  # noqa: E731
    pool = Pool([], [config], nothing, news.set, nothing, watching=LONG)

    async def until(holds: Callable[[str], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds(pool.states()[0].status):
                news.clear()
                await news.wait()

    await pool.start()
    comfy = Comfy(port=port)
    try:
        await until(lambda status: status == ("idle" if idle else "errored"))
        await comfy.start()
        await until(lambda status: status == "running")
    finally:
        await pool.stop()
        await comfy.kill()

"""Signs of life on a socket where nothing else is said for long."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from hub.wire.stream import Stream

KEEP_ALIVE_SECONDS = 30.0
_FRAME = b'{"keep_alive":true}'


@contextlib.asynccontextmanager
async def kept_alive(stream: Stream) -> AsyncIterator[None]:
    """While the body runs, a frame each 30 seconds keeps proxies from closing the socket (swarm-api §4.2)."""

    async def stay() -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE_SECONDS)
            stream.push(_FRAME)

    staying = asyncio.create_task(stay())
    try:
        yield
    finally:
        staying.cancel()

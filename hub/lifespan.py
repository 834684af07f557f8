"""The order of start and stop: every room is opened here, put on the table of rooms, and closed in
reverse."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from hub.settings import Settings
from hub.wire.switchboard import Switchboard


def make_lifespan(board: Switchboard) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """What runs while the application does."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        async with AsyncExitStack():
            rooms: dict[type, object] = {Settings: board.settings, Switchboard: board}
            board.open(rooms, sessions=None, visitors=None)
            yield

    return lifespan

"""The order of start and stop: every room is opened here, put on the table of rooms, and closed in
reverse."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from hub.accounts import Accounts, Sessions, Tokens, Users
from hub.settings import Settings
from hub.store import Store
from hub.wire.door import is_loopback
from hub.wire.switchboard import Switchboard


def make_lifespan(board: Switchboard) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """What runs while the application does."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        async with AsyncExitStack() as closing:
            rooms: dict[type, object] = {Settings: board.settings, Switchboard: board}
            accounts = await _open_ground(board.settings, closing, rooms)
            await _demand_owner(board.settings.network.host, accounts)
            board.open(rooms, accounts)
            yield

    return lifespan


class NotYet(Exception):
    """The hub cannot start like this; the text tells what to do first."""


async def _demand_owner(host: str, accounts: Accounts) -> None:
    """Before anyone beyond this machine can knock, somebody must be able to sign in as the owner."""
    if not is_loopback(host) and not await accounts.users.has_password_owner():
        raise NotYet(
            f"The hub would listen on {host}, where other machines reach it, and nobody owns it yet. "
            "Start it on this machine first (--host 127.0.0.1) and register the first account, which becomes "
            "the owner: the page offers it, or POST /API/RegisterBasic with username and password."
        )


async def _open_ground(settings: Settings, closing: AsyncExitStack, rooms: dict[type, object]) -> Accounts:
    """The store and who is calling."""
    store = await Store.open(settings.folders.database)
    closing.push_async_callback(store.close)
    accounts = await Accounts.open(settings, store)
    closing.push_async_callback(accounts.close)
    rooms |= {
        Store: store,
        Accounts: accounts,
        Sessions: accounts.sessions,
        Tokens: accounts.tokens,
        Users: accounts.users,
    }
    return accounts

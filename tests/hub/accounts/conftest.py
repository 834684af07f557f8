"""Open accounts on a temporary store, with a clock the test turns and cheap password hashes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.accounts import Accounts
from hub.settings import load
from hub.store import Store
from tests.hub.empty_database import lay_down


class Clock:
    """Unix milliseconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += int(days * 86_400_000)

    def pass_seconds(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


class House:
    """A store with accounts that can be closed and opened again, as a restart would."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self.clock = clock
        self.store: Store
        self.accounts: Accounts

    async def open(self, **settings: str) -> Accounts:
        overrides = {f"accounts.{name}": value for name, value in settings.items()}
        tree = load(self.folder, overrides)
        await lay_down(tree.folders.database)
        self.store = await Store.open(tree.folders.database)
        self.accounts = await Accounts.open(tree, self.store, clock=self.clock, password_rounds=4)
        return self.accounts

    async def close(self) -> None:
        await self.accounts.close()
        await self.store.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def house(tmp_path: Path, clock: Clock) -> AsyncIterator[House]:
    found = House(tmp_path, clock)
    await found.open()
    yield found
    await found.close()


@pytest.fixture
def accounts(house: House) -> Accounts:
    return house.accounts

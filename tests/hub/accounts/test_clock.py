"""A clock that is set, forward or back: nobody is signed out or locked out by it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.accounts.attempts import WINDOW_MS, Attempts
from hub.accounts.caller import Limits
from hub.accounts.clock import Steps, now_ms, steady_ms
from hub.accounts.sessions import DAY_MS, Sessions
from hub.store import Store

YEAR_MS = 365 * DAY_MS


class Clocks:
    """The clock on the wall and one that nobody can set."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000_000
        self.ran = 5_000

    def pass_by(self, milliseconds: int) -> None:
        self.wall += milliseconds
        self.ran += milliseconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "hub.sqlite3")
    yield opened
    await opened.close()


def sessions(store: Store, clocks: Clocks) -> Sessions:
    return Sessions(
        store,
        lambda user, token: (frozenset(), Limits(5, 32)),
        clock=lambda: clocks.wall,
        steady=lambda: clocks.ran,
    )


def test_only_a_clock_that_was_set_counts_as_set(clocks: Clocks) -> None:
    steps = Steps(lambda: clocks.wall, lambda: clocks.ran)
    clocks.pass_by(YEAR_MS)
    clocks.wall += 2_000
    assert steps.look() == (clocks.wall, 0)
    clocks.wall += YEAR_MS
    assert steps.look() == (clocks.wall, YEAR_MS + 2_000)
    clocks.wall -= 2 * YEAR_MS
    clocks.pass_by(DAY_MS)
    assert steps.look() == (clocks.wall, -2 * YEAR_MS)
    assert steps.look() == (clocks.wall, 0)


def test_the_clocks_of_this_machine_go_alike() -> None:
    steps = Steps(now_ms, steady_ms)
    assert steps.look()[1] == 0


@pytest.mark.parametrize("step", [YEAR_MS, -YEAR_MS])
async def test_sessions_end_by_how_long_they_were_not_used(store: Store, clocks: Clocks, step: int) -> None:
    house = sessions(store, clocks)
    kept, left = await house.issue("ann"), await house.issue("ann")
    clocks.pass_by(20 * DAY_MS)
    assert house.find(kept) is not None
    clocks.wall += step
    assert await house.sweep() == 0
    assert house.find(kept) is not None
    clocks.pass_by(12 * DAY_MS)
    assert house.find(left) is None, "not used for 32 days"
    assert house.find(kept) is not None
    await house.flush()
    again = sessions(store, clocks)
    assert again.find(kept) is not None, "what was written moved along"


@pytest.mark.parametrize("step", [YEAR_MS, -YEAR_MS])
def test_nobody_is_locked_out_for_longer_than_a_minute(step: int) -> None:
    now = 1_800_000_000_000
    attempts = Attempts(2)
    assert [attempts.take("ann", now) for _ in range(3)] == [True, True, False]
    assert attempts.take("ann", now + step)
    assert attempts.take("ann", now + step)
    assert not attempts.take("ann", now + step + WINDOW_MS - 1)
    assert attempts.take("ann", now + step + WINDOW_MS)


async def test_uses_that_could_not_be_written_are_written_later(store: Store, clocks: Clocks) -> None:
    house = sessions(store, clocks)
    session = await house.issue("ann")
    clocks.pass_by(30 * DAY_MS)
    assert house.find(session) is not None
    store.writer.prepare(lambda db: db.execute("PRAGMA query_only=1"))
    with pytest.raises(Exception, match="readonly"):
        await house.flush()
    store.writer.prepare(lambda db: db.execute("PRAGMA query_only=0"))
    await house.flush()
    clocks.pass_by(30 * DAY_MS)
    assert sessions(store, clocks).find(session) is not None

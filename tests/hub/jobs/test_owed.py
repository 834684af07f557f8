"""What the storage did not take is written once it does: all of it, in order, the latest word only."""

import asyncio
import sqlite3
from functools import partial
from typing import Any

from hub.jobs.owed import Owed


def refused(code: int, text: str) -> sqlite3.OperationalError:
    trouble = sqlite3.OperationalError(text)
    trouble.sqlite_errorcode = code
    return trouble


FULL = refused(sqlite3.SQLITE_FULL, "database or disk is full")
LOCKED = refused(sqlite3.SQLITE_BUSY, "database is locked")


class Disk:
    """Takes what is written, or does not."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.kept: list[str] = []

    def write(self, word: str) -> "asyncio.Future[Any]":
        written = asyncio.get_running_loop().create_future()
        if self.trouble is None:
            self.kept.append(word)
            written.set_result(1)
        else:
            written.set_exception(self.trouble)
        return written


async def until_paid(owed: Owed) -> None:
    async with asyncio.timeout(30):
        while owed._latest:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_all_is_written_in_order_once_there_is_room() -> None:
    disk, owed = Disk(), Owed(0.01)
    disk.trouble = FULL
    for word in ("one", "two", "three"):
        await asyncio.wait([owed.hand_over(word, partial(disk.write, word))])
    assert len(owed) == 3 and not disk.kept
    disk.trouble = LOCKED
    await asyncio.sleep(0.03)
    disk.trouble = None
    await until_paid(owed)
    assert disk.kept == ["one", "two", "three"]


async def test_of_two_words_about_the_same_the_later_counts() -> None:
    disk, owed = Disk(), Owed(0.01)
    disk.trouble = FULL
    owed.hand_over("job", lambda: disk.write("done"))
    await asyncio.sleep(0)
    disk.trouble = None
    owed.hand_over("job", lambda: disk.write("failed"))
    await until_paid(owed)
    assert disk.kept == ["failed"]


async def test_a_word_that_fails_late_does_not_come_after_the_newer_one() -> None:
    owed = Owed(0.01)
    slow = asyncio.get_running_loop().create_future()
    owed.hand_over("job", lambda: slow)
    disk = Disk()
    owed.hand_over("job", lambda: disk.write("failed"))
    await asyncio.sleep(0)
    slow.set_exception(LOCKED)
    await asyncio.sleep(0.05)
    assert disk.kept == ["failed"] and len(owed) == 0


async def test_the_end_tries_once_more() -> None:
    disk, owed = Disk(), Owed(60)
    disk.trouble = FULL
    owed.hand_over("job", lambda: disk.write("done"))
    await asyncio.sleep(0)
    disk.trouble = None
    await owed.close()
    assert disk.kept == ["done"]


async def test_a_mistake_of_ours_is_not_repeated() -> None:
    disk, owed = Disk(), Owed(0.01)
    disk.trouble = sqlite3.IntegrityError("UNIQUE constraint failed")
    owed.hand_over("job", lambda: disk.write("done"))
    await until_paid(owed)
    assert len(owed) == 0

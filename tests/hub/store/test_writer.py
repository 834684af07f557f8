"""The one writer: groups, isolation of mistakes, survival, other processes, and the log's size."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from hub.store import JobRow, Store
from hub.store import writer as writer_file
from hub.store.writer import Writer, together

ROOT = Path(__file__).parents[3]


def job(number: int) -> JobRow:
    return JobRow(f"{number:032x}", "ann", "s", 1000 + number, "waiting", 1, number)


class TestGroups:
    async def test_what_one_turn_hands_over_is_one_transaction(self, store: Store) -> None:
        begun: list[str] = []
        store.writer._db.set_trace_callback(
            lambda sql: begun.append(sql) if sql.startswith("BEGIN") else None
        )
        await asyncio.gather(*(store.jobs.accept(job(number)) for number in range(50)))
        assert len(begun) == 1
        assert len(store.jobs.unfinished()) == 50

    async def test_one_mistake_does_not_take_the_others_down(self, store: Store) -> None:
        await store.jobs.accept(job(1))
        outcomes = await asyncio.gather(
            store.jobs.accept(job(2)),
            store.jobs.accept(job(1)),
            store.jobs.accept(job(3)),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [int, sqlite3.IntegrityError, int]
        assert [row.request_id for row in store.jobs.unfinished()] == [1001, 1002, 1003]

    async def test_several_statements_together_are_all_or_none(self, store: Store) -> None:
        def fail(db: sqlite3.Connection) -> None:
            raise LookupError("half way")

        steps = together(lambda db: db.execute("DELETE FROM users"), fail)
        await store.user_data.put("ann", "kind", "text")
        with pytest.raises(LookupError):
            await store.writer.write(
                together(lambda db: db.execute("DELETE FROM user_data"), fail),
            )
        assert store.user_data.get("ann", "kind") == "text"
        with pytest.raises(LookupError):
            await store.writer.write(steps)

    async def test_a_waiter_that_gives_up_does_not_take_its_write_back(self, store: Store) -> None:
        store.jobs.accept(job(1)).cancel()
        await store.jobs.accept(job(2))
        assert len(store.jobs.unfinished()) == 2


class TestOtherProcesses:
    async def test_a_foreign_lock_delays_but_does_not_block_the_loop(
        self, store: Store, tmp_path: Path
    ) -> None:
        other = sqlite3.connect(tmp_path / "hub.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = store.jobs.accept(job(1))
        await asyncio.sleep(0.1)
        assert not waiting.done()  # a loop that stood still until the lock was given up would have refused it
        other.execute("COMMIT")
        other.close()
        await asyncio.wait_for(waiting, 60)

    async def test_a_lock_that_never_ends_is_reported(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(writer_file, "LOCK_TIMEOUT_S", 0.1)
        other = sqlite3.connect(tmp_path / "hub.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            await asyncio.wait_for(store.jobs.accept(job(1)), 2)
        other.execute("ROLLBACK")
        other.close()
        await store.jobs.accept(job(2))


class TestAFullDisk:
    """`max_page_count` makes SQLite say what it says on a full disk."""

    @staticmethod
    async def full(store: Store) -> None:
        pages = store.writer.one("PRAGMA page_count")
        assert pages is not None
        store.writer.prepare(lambda db: db.execute(f"PRAGMA max_page_count={pages[0] + 3}"))

    @staticmethod
    def large(number: int) -> JobRow:
        return msgspec.structs.replace(job(number), request=b"x" * 300_000)

    async def test_what_is_told_to_have_failed_is_not_there_and_the_rest_is(self, store: Store) -> None:
        await self.full(store)
        asked = [job(1), self.large(2), job(3), self.large(4), job(5)]
        told = await asyncio.gather(*(store.jobs.accept(row) for row in asked), return_exceptions=True)
        accepted = {row.request_id for row, word in zip(asked, told, strict=True) if word == 1}
        assert {row.request_id for row in store.jobs.unfinished()} == accepted
        assert isinstance(told[1], sqlite3.OperationalError) and "full" in str(told[1])

    async def test_a_transaction_that_is_given_up_in_the_middle_takes_all_of_it_along(
        self, store: Store
    ) -> None:
        """What comes after must not be committed by itself."""

        def give_up(db: sqlite3.Connection) -> None:
            db.execute("ROLLBACK")
            raise sqlite3.OperationalError("database or disk is full")

        told = await asyncio.gather(
            store.jobs.accept(job(1)),
            store.writer.write(give_up),
            store.jobs.accept(job(2)),
            return_exceptions=True,
        )
        assert [str(word) for word in told] == ["database or disk is full"] * 3
        assert store.jobs.unfinished() == []
        await store.jobs.accept(job(3))

    async def test_it_goes_on_when_there_is_room_again(self, store: Store) -> None:
        await self.full(store)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await store.jobs.accept(self.large(1))
        store.writer.prepare(lambda db: db.execute("PRAGMA max_page_count=1000000"))
        await store.jobs.accept(self.large(1))
        assert len(store.jobs.unfinished()) == 1


async def test_trouble_that_is_no_lock_is_told_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = store.writer._db

    class Broken:
        in_transaction = False

        def execute(self, sql: str) -> None:
            raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(store.writer, "_db", Broken())
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        await asyncio.wait_for(store.jobs.accept(job(1)), 30)
    monkeypatch.setattr(store.writer, "_db", real)
    await store.jobs.accept(job(1))


async def test_the_log_does_not_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_file, "LOG_BYTES", 200_000)
    monkeypatch.setattr(writer_file, "CHECKPOINT_ROWS", 20)
    writer = Writer(tmp_path / "x.sqlite3")
    await writer.execute("CREATE TABLE t (v BLOB)")
    for number in range(600):
        await writer.execute("INSERT INTO t VALUES (zeroblob(3000))")
        if number % 100 == 99 and writer._checkpoint:  # a busy machine may start the copying thread late
            await writer._checkpoint
    log = (tmp_path / "x.sqlite3-wal").stat().st_size
    await writer.close()
    assert log < 1_500_000
    with sqlite3.connect(tmp_path / "x.sqlite3") as db:
        assert db.execute("SELECT count(*) FROM t").fetchone() == (600,)


async def test_what_was_awaited_survives_kill_9(tmp_path: Path) -> None:
    program = """
import asyncio, os, signal, sys
from pathlib import Path
from hub.store import JobRow, Store
async def main():
    store = await Store.open(Path(sys.argv[1]))
    for number in range(200):
        await store.jobs.accept(JobRow(f"{number:032x}", "ann", "s", 1000 + number, "waiting", 1, number))
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    database = tmp_path / "hub.sqlite3"
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program, str(database)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert ended.returncode == -9
    store = await Store.open(database)
    assert len(store.jobs.unfinished()) == 200
    await store.close()


async def test_whoever_writes_at_once_shares_commits_that_wait_for_no_disk(store: Store) -> None:
    db = store.writer._db
    commits: list[str] = []
    db.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)

    async def generate(first: int, count: int) -> None:
        for number in range(first, first + count):
            await store.jobs.accept(job(number))
            await store.jobs.finish(job(number).id, "done", "", number)

    await asyncio.gather(*(generate(first * 1000, 60) for first in range(16)))
    assert 60 * 2 <= len(commits) < 16 * 60 * 2 / 8
    assert db.execute("PRAGMA synchronous").fetchone() == (1,)  # NORMAL

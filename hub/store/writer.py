"""One writer for the whole process: what is handed over in one turn of the loop is committed together.

The connection is used on the loop's own thread. In WAL with synchronous=NORMAL a commit is a write into the
page cache, without waiting for the disk, and takes tens of microseconds. A writer thread was the other
choice: each statement gives up and takes back the interpreter lock there, which costs a busy hub up to 5 ms a
statement. Waiting for the disk happens when the log is copied into the database (a checkpoint), so that
runs in a thread with a connection of its own. A commit survives `kill -9` of the hub; a power cut may lose
the last few.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

Op = Callable[[sqlite3.Connection], Any]
Outcome = tuple[Any, Exception | None]
Waiting = tuple[Op, "asyncio.Future[Any]"]
CHECKPOINT_ROWS = 2000  # operations after which the log is copied into the database
LOG_BYTES = 32 << 20  # size of the log above which it starts anew after a copy
LOCK_RETRY_S = 0.02
LOCK_TIMEOUT_S = 5.0


class Writer:
    """Group commit and point reads on one connection. `Store` makes it; rooms use the store's functions."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._log = database.with_name(f"{database.name}-wal")
        self._db = sqlite3.connect(database, isolation_level=None, check_same_thread=False, timeout=0)
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "wal_autocheckpoint=0",
            f"journal_size_limit={LOG_BYTES}",
            "cache_size=-16384",
        ):
            self._db.execute(f"PRAGMA {pragma}")
        self._waiting: list[Waiting] = []
        self._scheduled = False  # a flush is on its way
        self._refused_since: float | None = None  # loop time since another process has held the write lock
        self._since_checkpoint = 0
        self._checkpoint: asyncio.Task[None] | None = None

    def prepare(self, op: Op) -> Any:
        """Change the schema or the connection at once: for the start, before anything is written."""
        return op(self._db)

    def write(self, op: Op) -> asyncio.Future[Any]:
        """Hand over `op`; the future gives its result once it is committed, or raises what it raised.

        `op` gets the connection inside a transaction and must not commit. If it raises, it must have changed
        nothing: one statement does that by itself, several need `together`. Cancelling the future does not
        take the write back.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((op, future))
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._flush)
        return future

    def execute(self, sql: str, values: Sequence[Any] = ()) -> asyncio.Future[int]:
        """One statement; the future gives the number of rows it changed."""
        return self.write(lambda db: db.execute(sql, values).rowcount)

    def insert(self, sql: str, values: Sequence[Any]) -> asyncio.Future[int]:
        """One INSERT; the future gives the id of the new row."""
        return self.write(lambda db: db.execute(sql, values).lastrowid)

    def one(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """A point read, at once: only for queries answered by an index in a few pages."""
        row: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
        return row

    def many(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Like `one` for a handful of rows. Long lists belong on the reading connection."""
        return self._db.execute(sql, values).fetchall()

    async def close(self) -> None:
        """Commit what waits and close; the log is copied into the database by SQLite itself."""
        if self._checkpoint is not None:
            await self._checkpoint
        if self._waiting:
            self._flush()
        await asyncio.gather(*(future for _, future in self._waiting), return_exceptions=True)
        if self._checkpoint is not None:
            await self._checkpoint
        self._db.close()

    def _flush(self) -> None:
        self._scheduled = False
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._refused(batch, error)
            return
        self._refused_since = None
        for (_, future), (result, trouble) in zip(batch, self._transact(batch), strict=True):
            _settle(future, result, trouble)
        self._count(len(batch))

    def _transact(self, batch: list[Waiting]) -> Sequence[Outcome]:
        """What came of each operation, once all of them are committed or none is."""
        outcomes: list[Outcome] = []
        for op, _ in batch:
            outcomes.append(self._run(op))
            if not self._db.in_transaction:
                # On a full disk SQLite may give up the whole transaction in the middle: what came before is
                # gone, and what comes after would be committed by itself and then be told to have failed.
                return [(None, _first_trouble(outcomes))] * len(batch)
        try:
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            return [(None, error)] * len(batch)
        return outcomes

    def _run(self, op: Op) -> Outcome:
        try:
            return op(self._db), None
        except Exception as error:  # one waiter's mistake must not take down the others in its transaction
            return None, error

    def _refused(self, batch: list[Waiting], error: sqlite3.Error) -> None:
        """No transaction can begin. Where another process (a backup, a shell) holds the write lock it is
        tried again, the loop goes on meanwhile; anything else is told at once."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._refused_since is None:
            self._refused_since = now
        if not is_locked(error) or now - self._refused_since > LOCK_TIMEOUT_S:
            for _, future in batch:
                _settle(future, None, error)
            return
        self._waiting = batch + self._waiting
        self._scheduled = True
        loop.call_later(LOCK_RETRY_S, self._flush)

    def _count(self, rows: int) -> None:
        self._since_checkpoint += rows
        if self._since_checkpoint < CHECKPOINT_ROWS or (self._checkpoint and not self._checkpoint.done()):
            return
        self._since_checkpoint = 0
        task = asyncio.get_running_loop().create_task(self._copy_log(), name="store checkpoint")
        self._checkpoint = task

    async def _copy_log(self) -> None:
        """Copy the log into the database in a thread; let it start anew once it has grown large.

        Under steady load there is always a commit newer than the copy, so the log would grow without end:
        the few frames left over are copied here, between two commits.
        """
        await asyncio.to_thread(checkpoint, self._database)
        with suppress(sqlite3.Error, OSError):  # no room for the copy: the log is whole, and copied later
            if self._log.stat().st_size > LOG_BYTES:
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def checkpoint(database: Path) -> None:
    """Copy the write-ahead log into the database without making any writer wait."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(database, timeout=0)) as db:
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def together(*steps: Op) -> Op:
    """Several statements as one operation: all of them or none. Gives the last one's result."""

    def run(db: sqlite3.Connection) -> Any:
        db.execute("SAVEPOINT together")
        try:
            result = None
            for step in steps:
                result = step(db)
        except BaseException:
            db.execute("ROLLBACK TO together")
            raise
        finally:
            db.execute("RELEASE together")
        return result

    return run


def is_locked(error: Exception) -> bool:
    """Whether somebody else holds a lock that is needed: a matter of waiting."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _first_trouble(outcomes: Sequence[Outcome]) -> Exception:
    """Why a transaction is gone: the storage's own word before any other mistake."""
    troubles = [trouble for _, trouble in outcomes if trouble is not None]
    stored = (trouble for trouble in troubles if isinstance(trouble, sqlite3.Error))
    return next(stored, troubles[0] if troubles else sqlite3.OperationalError("the transaction is gone"))


def _settle(future: asyncio.Future[Any], result: Any, trouble: Exception | None) -> None:
    if future.done():
        return
    if trouble is not None:
        future.set_exception(trouble)
    else:
        future.set_result(result)

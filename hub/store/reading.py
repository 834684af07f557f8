"""Long reads off the loop: a thread with a reading connection of its own, so that no list or search makes
anything else wait."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")
_STEPS = 20_000  # virtual machine instructions between two looks at the clock, about a millisecond


class TooLong(Exception):
    """A read was given up because its time was over."""


class Reading:
    """One thread, one connection that refuses writes; reads are answered one after the other.

    A read sees everything committed before it began. `seconds` is the longest it may take.
    """

    def __init__(self, database: Path, name: str, *, seconds: float = 20.0) -> None:
        self._database = database
        self._seconds = seconds
        self._until = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._db: sqlite3.Connection | None = None

    async def run(self, read: Callable[[sqlite3.Connection], Found]) -> Found:
        """What `read` finds. Raises TooLong, sqlite3.Error."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._bounded, read)

    def close(self) -> None:
        """Give up what is being read, let the thread end and close the connection."""
        self._until = 0.0
        self._thread.submit(self._shut)
        self._thread.shutdown(wait=True)

    def _bounded(self, read: Callable[[sqlite3.Connection], Found]) -> Found:
        db = self._db
        if db is None:
            db = self._db = self._open()
        self._until = time.monotonic() + self._seconds
        db.execute("BEGIN")  # all of it sees one state, and no statement has to take the lock anew
        try:
            return read(db)
        except sqlite3.OperationalError as error:
            if time.monotonic() >= self._until:
                raise TooLong(f"a read took more than {self._seconds:g} seconds") from error
            raise
        finally:
            self._until = time.monotonic() + self._seconds
            if db.in_transaction:
                db.execute("ROLLBACK")

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._database, isolation_level=None, timeout=5, check_same_thread=False)
        for pragma in ("query_only=1", "cache_size=-16384"):
            db.execute(f"PRAGMA {pragma}")
        db.set_progress_handler(self._is_over, _STEPS)
        return db

    def _is_over(self) -> bool:
        return time.monotonic() >= self._until

    def _shut(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None

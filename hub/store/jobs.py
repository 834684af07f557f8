"""Rows of accepted jobs: written before the sender hears of them, so that a killed hub loses none."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence

from msgspec.structs import astuple

from hub.store.job_rows import NAMES, JobRow
from hub.store.job_search import INDEX, Found, HasWords, JobsAsked, find
from hub.store.reading import Reading
from hub.store.writer import Writer, together

_COLUMNS = f"{NAMES}, request, error, priority, place, made, ends"
_ACCEPT = f"INSERT INTO jobs ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608
_FINISH = """UPDATE jobs SET state = ?, error = ?, finished = ?, made = ?,
    request = CASE WHEN ? AND length(request) < ? THEN request END WHERE id = ?"""
_SELECT = f"SELECT {_COLUMNS} FROM jobs"  # noqa: S608
MOST_KEPT = 4 << 20
"""Bytes of a request above which it is not kept for another try."""


class Jobs:
    """Functions of the jobs table. Lists and searches are read on threads of their own."""

    def __init__(self, writer: Writer, lists: Reading, searches: Reading) -> None:
        self._writer = writer
        self._lists = lists
        self._searches = searches

    def begin(self) -> None:
        """Make the index where it is missing."""
        self._writer.prepare(lambda db: db.execute(INDEX))

    def accept(self, row: JobRow) -> asyncio.Future[int]:
        """Write a new job; durable once awaited. Raises sqlite3.IntegrityError for an id or number in use."""
        values = astuple(row)
        return self._writer.write(lambda db: db.execute(_ACCEPT, values).rowcount)

    def finish(
        self, job: str, state: str, error: str = "", finished: int = 0, made: int | None = None
    ) -> asyncio.Future[int]:
        """Write the end of a job. Its request is let go of, unless it may be tried again."""
        again = state != "done"
        return self._writer.execute(_FINISH, (state, error, finished, made, again, MOST_KEPT, job))

    def note(self, job: str, lines: str) -> asyncio.Future[int]:
        """Add lines to what is known of ended images."""
        return self._writer.execute("UPDATE jobs SET ends = ends || ? WHERE id = ?", (lines, job))

    def arrange(self, places: Sequence[tuple[int, int, str]]) -> asyncio.Future[int]:
        """Write (priority, place, job id) of several jobs, all or none."""
        return self._writer.write(
            lambda db: db.executemany("UPDATE jobs SET priority = ?, place = ? WHERE id = ?", places).rowcount
        )

    def forget_requests(
        self, before: int, head: bytes, lighten: Callable[[bytes], bytes | None]
    ) -> asyncio.Future[int]:
        """Let go of the requests of jobs that ended before a time and were not tried again.

        Of those that made no picture `lighten` says what is kept, which nothing else tells then; what begins
        with `head` is light already.
        """
        old = "state IN ('failed', 'cancelled') AND finished < ? AND request IS NOT NULL"

        def forget(db: sqlite3.Connection) -> int:
            bare = f"{old} AND coalesce(made, 0) = 0 AND substr(request, 1, ?) != ?"
            jobs = db.execute(f"SELECT id FROM jobs WHERE {bare}", (before, len(head), head)).fetchall()  # noqa: S608
            for (job,) in jobs:
                (request,) = db.execute("SELECT request FROM jobs WHERE id = ?", (job,)).fetchone()
                db.execute("UPDATE jobs SET request = ? WHERE id = ?", (lighten(request), job))
            return db.execute(f"UPDATE jobs SET request = NULL WHERE {old} AND made > 0", (before,)).rowcount  # noqa: S608

        return self._writer.write(together(forget))

    def by_id(self, job: str) -> JobRow | None:
        """The job, or None."""
        row = self._writer.one(f"{_SELECT} WHERE id = ?", (job,))
        return None if row is None else JobRow(*row)

    def unfinished(self) -> list[JobRow]:
        """Every waiting or running job, oldest first: what a restart takes up again."""
        rows = self._writer.many(
            f"{_SELECT} WHERE state IN ('waiting', 'running') ORDER BY created, request_id"
        )
        return [JobRow(*row) for row in rows]

    def last_request_id(self, user: str) -> int:
        """The highest request number of `user`; 1000 before the first, so that counting starts at 1001."""
        row = self._writer.one('SELECT max(request_id) FROM jobs WHERE "user" = ?', (user,))
        return 1000 if row is None or row[0] is None else int(row[0])

    async def find(self, asked: JobsAsked, has_words: HasWords) -> list[Found]:
        """Jobs that have ended, newest first, with their pictures. Raises TooLong."""
        reading = self._searches if asked.words else self._lists
        return await reading.run(lambda db: find(db, asked, has_words))

    def accepted_since(self, user: str, since: int) -> list[tuple[int, int, str]]:
        """(created, images counted, id) of the jobs of `user` since a time, oldest first. Of an ended
        one only the images that came count."""
        sql = (
            'SELECT created, coalesce(made, images), id FROM jobs WHERE "user" = ? AND created > ? '
            "ORDER BY created"
        )
        return [(row[0], row[1], row[2]) for row in self._writer.many(sql, (user, since))]

    def done_indices(self, job: str) -> set[int]:
        """Indices of the images of `job` that are saved already."""
        return {row[0] for row in self._writer.many('SELECT "index" FROM images WHERE job = ?', (job,))}

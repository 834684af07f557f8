"""Rows of accepted jobs: written before the sender hears of them, so that a killed hub loses none."""

import asyncio
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from hub.store.writer import Writer

_COLUMNS = 'id, "user", session, request_id, state, images, created, finished, request, error'
_ACCEPT = f"INSERT INTO jobs ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)"  # noqa: S608
_FINISH = "UPDATE jobs SET state = ?, error = ?, finished = ?, request = NULL WHERE id = ?"
_SELECT = f"SELECT {_COLUMNS} FROM jobs"  # noqa: S608


class JobRow(Struct, frozen=True):
    """One job. `id` 32 hex digits; `state` waiting, running, done, failed or cancelled; `images` how many
    are promised; times in unix milliseconds; `request` an encoded GenRequest, None once the job has ended."""

    id: str
    user: str
    session: str
    request_id: int
    state: str
    images: int
    created: int
    finished: int | None = None
    request: bytes | None = None
    error: str = ""


class Jobs:
    """Functions of the jobs table."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def accept(self, row: JobRow) -> asyncio.Future[int]:
        """Write a new job; durable once awaited. Raises sqlite3.IntegrityError for an id or number in use."""
        values = astuple(row)
        return self._writer.write(lambda db: db.execute(_ACCEPT, values).rowcount)

    def finish(self, job: str, state: str, error: str = "", finished: int = 0) -> asyncio.Future[int]:
        """Write the end of a job and let go of its request."""
        return self._writer.execute(_FINISH, (state, error, finished, job))

    def set_state(self, job: str, state: str) -> asyncio.Future[int]:
        """Write that a job is `running` (or `waiting` again)."""
        return self._writer.execute("UPDATE jobs SET state = ? WHERE id = ?", (state, job))

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

    def page(self, user: str, *, before: int | None = None, limit: int = 50) -> list[JobRow]:
        """Jobs of `user`, newest first, with request numbers below `before`; the requests are left out."""
        columns = _COLUMNS.replace("request, error", "NULL, error")
        sql = (
            f'SELECT {columns} FROM jobs WHERE "user" = ? AND request_id < ? ORDER BY request_id DESC LIMIT ?'  # noqa: S608
        )
        values: tuple[Any, ...] = (user, 2**62 if before is None else before, limit)
        return [JobRow(*row) for row in self._writer.many(sql, values)]

    def done_indices(self, job: str) -> set[int]:
        """Indices of the images of `job` that are saved already."""
        return {row[0] for row in self._writer.many('SELECT "index" FROM images WHERE job = ?', (job,))}

"""Rows of runs: what was accepted as a whole and becomes jobs one after the other."""

import asyncio

from msgspec import Struct

from hub.store.writer import Writer

_COLUMNS = 'id, "user", session, kind, created, plan'


class RunRow(Struct, frozen=True):
    """A run of `user` that is not over; `session` as its jobs carry it, `kind` the room that made it, `plan`
    that room's encoding of what is to be done, `created` in unix milliseconds."""

    id: str
    user: str
    session: str
    kind: str
    created: int
    plan: bytes


class Runs:
    """Functions of the table."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def add(self, row: RunRow) -> asyncio.Future[int]:
        """Write a run; durable once awaited."""
        values = (row.id, row.user, row.session, row.kind, row.created, row.plan)
        return self._writer.execute(f"INSERT INTO runs ({_COLUMNS}) VALUES (?,?,?,?,?,?)", values)  # noqa: S608

    def delete(self, run: str) -> asyncio.Future[int]:
        """Remove a run that is over; 1 when there was one."""
        return self._writer.execute("DELETE FROM runs WHERE id = ?", (run,))

    def of_kind(self, kind: str) -> list[RunRow]:
        """What the last process left undone, oldest first: read at the start."""
        sql = f"SELECT {_COLUMNS} FROM runs WHERE kind = ? ORDER BY created"  # noqa: S608
        return [RunRow(*row) for row in self._writer.many(sql, (kind,))]

"""Accounts that are being deleted: every row of theirs, the words of their prompts, and what is left in the
file of rows that are gone.

While a departure is under way, triggers refuse any new row of that name, so that what was just being written
when it began cannot come behind it. Rows deleted then are overwritten (`secure_delete`), but SQLite leaves
copies in the gaps of pages that it rebuilt once: the file is written anew at the end, a large one at the next
start, as nobody can write meanwhile.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from hub.store.words import has_index
from hub.store.writer import Op, Writer, together

AT_ONCE: dict[str, str] = {
    "sessions": "",
    "tokens": "",
    "presets": "",
    "user_data": "",
    "webhooks": "",
    "deliveries": "",
    "identities": "",
    "runs": "",
    "jobs": "AND state IN ('waiting', 'running')",
}
"""Tables emptied of a user in the transaction that ends the account, and which of their rows."""

IN_PORTIONS = ("images", "jobs")
"""Tables of which a user may have a million rows."""

OWNED = frozenset((*AT_ONCE, *IN_PORTIONS))
PORTION = 100
"""Rows deleted in one turn of the loop: a few milliseconds with the words of their prompts."""
_PAUSE = 0.002
_MERGED = 200  # pages of the index of words merged in one turn of the loop
_TRIES = 50
_TRY_AGAIN_S = 0.1
COMPACTED_AT_ONCE = 64 << 20
"""Bytes of a database that is written anew while the hub runs: about a second."""
_LATER = "write_anew"
_NAME = re.compile(r"[a-z0-9_]+")


class DepartureRow(Struct, frozen=True):
    """An account that is being deleted: `id` names the folder its pictures wait in, `aside` says that they
    stay there, `begun` is unix milliseconds."""

    name: str
    id: str
    aside: bool
    begun: int


class PictureRow(Struct, frozen=True):
    """A picture of a user who leaves, by its row and its path."""

    id: int
    path: str


class Departures:
    """Functions of the departures table and of what it is about."""

    def __init__(self, writer: Writer, database: Path) -> None:
        self._writer = writer
        self._database = database

    def resume(self) -> list[DepartureRow]:
        """What the last run left half-way; from here on nothing new is written under those names."""
        sql = "SELECT name, id, aside, begun FROM departures ORDER BY begun"
        rows = [DepartureRow(row[0], row[1], bool(row[2]), row[3]) for row in self._writer.many(sql)]
        for row in rows:
            self._writer.prepare(lambda db, name=row.name: _refuse(db, name))  # type: ignore[misc]
        return rows

    def begin(self, row: DepartureRow) -> asyncio.Future[int]:
        """End the account, all or nothing: from here on the next start would go on with it. Raises
        sqlite3.IntegrityError when that has begun already."""
        steps: list[Op] = [
            lambda db: db.execute(
                "INSERT INTO departures (name, id, aside, begun) VALUES (?,?,?,?)",
                (row.name, row.id, row.aside, row.begun),
            )
        ]
        for table, which in AT_ONCE.items():
            sql = f'DELETE FROM {table} WHERE "user" = ? {which}'  # noqa: S608
            steps.append(lambda db, sql=sql: db.execute(sql, (row.name,)))  # type: ignore[misc]
        steps.append(lambda db: _refuse(db, row.name))
        self._writer.prepare(lambda db: db.execute("PRAGMA secure_delete=ON").fetchone())
        steps.append(lambda db: db.execute("DELETE FROM users WHERE name = ?", (row.name,)).rowcount)
        return self._writer.write(together(*steps))

    def pictures(self, user: str) -> list[PictureRow]:
        """A portion of the user's pictures."""
        sql = 'SELECT id, path FROM images WHERE "user" = ? LIMIT ?'
        return [PictureRow(*row) for row in self._writer.many(sql, (user, PORTION))]

    async def forget_pictures(self, rows: list[PictureRow]) -> None:
        """Delete rows of pictures and the words of their prompts."""
        ids = [(row.id,) for row in rows]
        await self._writer.write(lambda db: db.executemany("DELETE FROM images WHERE id = ?", ids).rowcount)
        await asyncio.sleep(_PAUSE)

    async def forget_jobs(self, user: str) -> None:
        """Delete every job of a user."""
        sql = 'DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE "user" = ? LIMIT ?)'
        await self._in_portions(lambda: self._writer.execute(sql, (user, PORTION)), 1)

    async def forget_words(self) -> None:
        """Merge the index of words into one piece: until then its older pieces hold words of deleted rows."""
        if not has_index(self._writer.prepare(lambda db: db)):
            return
        await self._writer.write(lambda db: _merge(db, -_MERGED))
        await self._in_portions(lambda: self._writer.write(lambda db: _merge(db, _MERGED)), 2)

    async def end(self, user: str) -> None:
        """Nothing is left of the account: its name is free, the file and the log before it hold no trace."""
        await self._writer.write(
            together(
                lambda db: _allow(db, user),
                lambda db: db.execute("DELETE FROM departures WHERE name = ?", (user,)),
                lambda db: _mark(db, later=True),
            )
        )
        self._writer.prepare(lambda db: db.execute("PRAGMA secure_delete=OFF").fetchone())
        if self._database.stat().st_size <= COMPACTED_AT_ONCE:
            await self._until_done(compact)
        await self._until_done(empty_log)

    async def _in_portions(self, portion: "Callable[[], asyncio.Future[int]]", least: int) -> None:
        """Do portions of something until one changes less than `least` rows, everybody else in between."""
        while True:
            if await portion() < least:
                return
            await asyncio.sleep(_PAUSE)

    async def _until_done(self, work: Callable[[Path], bool]) -> None:
        """Try for a while: somebody may be reading or writing."""
        for _ in range(_TRIES):
            if await asyncio.to_thread(work, self._database):
                return
            await asyncio.sleep(_TRY_AGAIN_S)


def tidy(database: Path) -> None:
    """At the start, when nobody reads: what was too large to be written anew before, and what a kill left."""
    with closing(sqlite3.connect(database)) as db:
        later = db.execute(f"SELECT 1 FROM user_data WHERE \"user\" = '' AND kind = '{_LATER}'").fetchone()  # noqa: S608
    if later is not None:
        compact(database)
    empty_log(database)


def compact(database: Path) -> bool:
    """Write the database anew, so that nothing is in it but its rows; False when somebody else is writing."""
    with closing(sqlite3.connect(database, timeout=0.5, isolation_level=None)) as db:
        try:
            db.execute("VACUUM")
            _mark(db, later=False)
        except sqlite3.OperationalError:
            return False
    return True


def empty_log(database: Path) -> bool:
    """Copy the write-ahead log into the database and cut it to nothing; False when somebody is reading."""
    with closing(sqlite3.connect(database, timeout=0.5)) as db:
        try:
            busy: int = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError:
            return False
    return not busy


def _mark(db: sqlite3.Connection, *, later: bool) -> None:
    """Note that the file has to be written anew, or that it was."""
    db.execute("DELETE FROM user_data WHERE \"user\" = '' AND kind = ?", (_LATER,))
    if later:
        db.execute("INSERT INTO user_data (\"user\", kind, name) VALUES ('', ?, '')", (_LATER,))


def _refuse(db: sqlite3.Connection, user: str) -> None:
    """Let nothing new be written under a name. The triggers are temporary: a kill takes them along."""
    for table, column in (*((table, "user") for table in sorted(OWNED)), ("users", "name")):
        db.execute(
            f"CREATE TEMP TRIGGER IF NOT EXISTS {_trigger(table, user)} BEFORE INSERT ON main.{table} "
            f"WHEN NEW.\"{column}\" = '{user}' "
            "BEGIN SELECT RAISE(ABORT, 'this account is being deleted'); END"
        )


def _allow(db: sqlite3.Connection, user: str) -> None:
    for table in (*OWNED, "users"):
        db.execute(f"DROP TRIGGER IF EXISTS {_trigger(table, user)}")


def _trigger(table: str, user: str) -> str:
    """Its name; a statement that makes a trigger takes no values, so the user's name must be a plain one."""
    if not _NAME.fullmatch(user):
        raise ValueError(f"{user!r} is no user's name")
    return f"leaving_{table}_{user}"


def _merge(db: sqlite3.Connection, pages: int) -> int:
    """One piece of the work; how much of the file it changed (1: it is done)."""
    before = db.total_changes
    db.execute("INSERT INTO image_words(image_words, rank) VALUES ('merge', ?)", (pages,))
    return db.total_changes - before

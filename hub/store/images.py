"""Rows of finished images: written in groups, read by key or in keyset pages (never OFFSET)."""

import asyncio
import sqlite3
from collections.abc import Sequence
from functools import partial

from msgspec.structs import astuple

from hub.store.history import INDEXES, Asked, Page, folders, page
from hub.store.reading import Reading
from hub.store.rows import COLUMNS, SELECT, ImageRow, row_of
from hub.store.words import Words
from hub.store.writer import Writer, together

_ADD = f"INSERT INTO images ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608


_KNOWN = 'SELECT 1 FROM images WHERE "user" = ? AND path = ?'
_LOOKED_UP = 500  # paths looked up together, so that no list waits long


class Images:
    """Functions of the images table. Every one is given the user whose images it may touch.

    Lists have a reading thread of their own, searches another, so that neither waits for a long search.
    """

    def __init__(self, writer: Writer, lists: Reading, searches: Reading) -> None:
        self._writer = writer
        self._lists = lists
        self._searches = searches
        self.words = Words(writer, searches)

    def begin(self) -> None:
        """Make missing indexes, and add in the background the words of prompts that lack them."""
        self._writer.prepare(lambda db: [db.execute(index) for index in INDEXES])
        self.words.begin()

    async def close(self) -> None:
        """Let the reading threads end."""
        await self.words.close()
        self._lists.close()
        self._searches.close()

    def add(self, row: ImageRow, instead: Sequence[str] = ()) -> asyncio.Future[int]:
        """Write a row, in place of those of the paths `instead`; its id once committed. Raises
        sqlite3.IntegrityError when the path is taken."""
        values = astuple(row)
        if not instead:
            return self._writer.write(lambda db: db.execute(_ADD, values).lastrowid)
        old = [(row.user, path) for path in instead]
        return self._writer.write(
            together(
                lambda db: db.executemany('DELETE FROM images WHERE "user" = ? AND path = ?', old),
                lambda db: db.execute(_ADD, values).lastrowid,
            )
        )

    def by_path(self, user: str, path: str) -> ImageRow | None:
        """The image at `path`, or None."""
        row = self._writer.one(f'{SELECT} WHERE "user" = ? AND path = ?', (user, path))
        return None if row is None else row_of(row)

    def by_id(self, user: str, image: int) -> ImageRow | None:
        """The image of that number, or None."""
        row = self._writer.one(f'{SELECT} WHERE id = ? AND "user" = ?', (image, user))
        return None if row is None else row_of(row)

    def exists(self, user: str, path: str) -> bool:
        """Whether `path` is indexed."""
        return (
            self._writer.one('SELECT 1 FROM images WHERE "user" = ? AND path = ?', (user, path)) is not None
        )

    def of_job(self, job: str) -> list[ImageRow]:
        """The images of a job by index."""
        return [row_of(row) for row in self._writer.many(f'{SELECT} WHERE job = ? ORDER BY "index"', (job,))]

    def delete(self, user: str, path: str) -> asyncio.Future[int]:
        """Remove a row; 1 when there was one, else 0."""
        return self._writer.execute('DELETE FROM images WHERE "user" = ? AND path = ?', (user, path))

    def star(self, user: str, path: str, starred: bool) -> asyncio.Future[int]:
        """Set the star; 1 when the row is there, else 0."""
        return self._writer.execute(
            'UPDATE images SET starred = ? WHERE "user" = ? AND path = ?', (starred, user, path)
        )

    def move(self, user: str, path: str, target: str) -> asyncio.Future[int]:
        """Give a row another path; raises sqlite3.IntegrityError when that is taken."""
        return self._writer.execute(
            'UPDATE images SET path = ? WHERE "user" = ? AND path = ?', (target, user, path)
        )

    async def page(self, asked: Asked) -> Page:
        """A page of images in order of their paths or times. Raises TooLong."""
        reading = self._searches if asked.search else self._lists
        return await reading.run(lambda db: page(db, asked))

    async def folders(self, user: str, folder: str = "", depth: int = 1) -> list[str]:
        """The folders below a folder, `depth` levels down, level by level, each as its whole path."""
        return await self._lists.run(lambda db: folders(db, user, folder, depth))

    async def starred_as(self, user: str, name: str) -> list[str]:
        """Starred images of this bare file name, in whatever folder."""
        sql = 'SELECT path FROM images WHERE "user" = ? AND starred = 1'
        rows = await self._lists.run(lambda db: db.execute(sql, (user,)).fetchall())
        return [path for (path,) in rows if path.rpartition("/")[2] == name]

    async def unknown(self, user: str, paths: list[str]) -> list[str]:
        """Those of `paths` that have no row."""
        found: list[str] = []
        for start in range(0, len(paths), _LOOKED_UP):
            some = paths[start : start + _LOOKED_UP]
            found += await self._lists.run(partial(_unknown, user, some))
        return found

    async def count(self, user: str) -> int:
        """How many images `user` has. Walks the index; not for hot paths."""
        sql = 'SELECT count(*) FROM images WHERE "user" = ?'
        return await self._lists.run(lambda db: int(db.execute(sql, (user,)).fetchone()[0]))


def _unknown(user: str, paths: list[str], db: sqlite3.Connection) -> list[str]:
    return [path for path in paths if db.execute(_KNOWN, (user, path)).fetchone() is None]

"""Rows of finished images: written in groups, read by key or in keyset pages (never OFFSET)."""

import asyncio
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple
from tortoise.expressions import Q

from hub.store.models import ImageTable
from hub.store.opening import Reader
from hub.store.writer import Writer

_NAMES = (
    "job",
    "index",
    "user",
    "path",
    "created",
    "model",
    "prompt",
    "metadata",
    "width",
    "height",
    "bytes",
    "starred",
    "id",
)
_COLUMNS = ", ".join(f'"{name}"' for name in _NAMES)
_ADD = f"INSERT INTO images ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608
_SELECT = f"SELECT {_COLUMNS} FROM images"  # noqa: S608
_MOST_FOLDERS = 5000


class ImageRow(Struct, frozen=True):
    """One saved picture: image `index` of `job`; `path` below the user's output folder, with '/';
    `created` in unix milliseconds; `metadata` its JSON text or None; sizes in pixels, `bytes` of the file;
    `add` gives `id`."""

    job: str
    index: int
    user: str
    path: str
    created: int
    model: str = ""
    prompt: str = ""
    metadata: str | None = None
    width: int = 0
    height: int = 0
    bytes: int = 0
    starred: bool = False
    id: int | None = None


class Images:
    """Functions of the images table. Every one is given the user whose images it may touch."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader

    def add(self, row: ImageRow) -> asyncio.Future[int]:
        """Write a row; its id once committed. Raises sqlite3.IntegrityError when the path is taken."""
        values = astuple(row)
        return self._writer.write(lambda db: db.execute(_ADD, values).lastrowid)

    def by_path(self, user: str, path: str) -> ImageRow | None:
        """The image at `path`, or None."""
        row = self._writer.one(f'{_SELECT} WHERE "user" = ? AND path = ?', (user, path))
        return None if row is None else _row(row)

    def exists(self, user: str, path: str) -> bool:
        """Whether `path` is indexed."""
        return (
            self._writer.one('SELECT 1 FROM images WHERE "user" = ? AND path = ?', (user, path)) is not None
        )

    def of_job(self, job: str) -> list[ImageRow]:
        """The images of a job by index."""
        return [_row(row) for row in self._writer.many(f'{_SELECT} WHERE job = ? ORDER BY "index"', (job,))]

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

    async def page(
        self,
        user: str,
        *,
        folder_prefix: str = "",
        before: tuple[int, int] | None = None,
        limit: int = 50,
        newest_first: bool = True,
        starred: bool | None = None,
        search: str = "",
    ) -> list[ImageRow]:
        """Images by time. `before` is (created, id) of the last row of the page before, in either direction.

        `folder_prefix` narrows to a folder and what is below it ("" for all), `search` to prompts holding it.
        """
        wanted = _narrowed(user, folder_prefix, starred, search)
        if before is not None:
            created, row_id = before
            # the plain bound first, or SQLite would not use the index for an OR
            if newest_first:
                wanted &= Q(created__lte=created) & (Q(created__lt=created) | Q(id__lt=row_id))
            else:
                wanted &= Q(created__gte=created) & (Q(created__gt=created) | Q(id__gt=row_id))
        order = ("-created", "-id") if newest_first else ("created", "id")
        return await self._rows(wanted, order, limit)

    async def page_by_path(
        self,
        user: str,
        *,
        folder_prefix: str = "",
        before: str | None = None,
        limit: int = 50,
        newest_first: bool = True,
        starred: bool | None = None,
        search: str = "",
    ) -> list[ImageRow]:
        """Images by path, highest first with `newest_first`; `before` is the last path of the page before."""
        wanted = _narrowed(user, folder_prefix, starred, search)
        if before is not None:
            wanted &= Q(path__lt=before) if newest_first else Q(path__gt=before)
        return await self._rows(wanted, ("-path",) if newest_first else ("path",), limit)

    def folders(self, user: str, folder_prefix: str = "") -> list[str]:
        """Names of the folders directly below a folder, by name, at one index step a folder (not one an
        image)."""
        prefix = _folder(folder_prefix)
        found: list[str] = []
        start, end = prefix, _after(prefix)
        while len(found) < _MOST_FOLDERS:
            row = self._writer.one(
                'SELECT path FROM images WHERE "user" = ? AND path > ? AND path < ? ORDER BY path LIMIT 1',
                (user, start, end),
            )
            if row is None:
                break
            name, slash, _ = row[0][len(prefix) :].partition("/")
            if slash:
                found.append(name)
                start = _after(f"{prefix}{name}/")
            else:
                start = row[0]
        return found

    async def count(self, user: str) -> int:
        """How many images `user` has. Walks the index; not for hot paths."""
        with self._reader.queries() as db:
            return int(await ImageTable.filter(user=user).using_db(db).count())

    async def _rows(self, wanted: Q, order: tuple[str, ...], limit: int) -> list[ImageRow]:
        with self._reader.queries() as db:
            query = ImageTable.filter(wanted).using_db(db).order_by(*order).limit(limit)
            return [_row(row) for row in await query.values_list(*_NAMES)]


def _row(values: tuple[Any, ...]) -> ImageRow:
    fields = (*values[:11], bool(values[11]), values[12])
    return ImageRow(*fields)


def _narrowed(user: str, folder_prefix: str, starred: bool | None, search: str) -> Q:
    wanted = Q(user=user)
    if prefix := _folder(folder_prefix):
        wanted &= Q(path__gte=prefix, path__lt=_after(prefix))
    if starred is not None:
        wanted &= Q(starred=starred)
    if search:
        wanted &= Q(prompt__icontains=search)
    return wanted


def _folder(prefix: str) -> str:
    return f"{prefix.strip('/')}/" if prefix.strip("/") else ""


def _after(prefix: str) -> str:
    """The first text behind everything that begins with `prefix` (which ends in '/' or is empty)."""
    return f"{prefix[:-1]}0" if prefix else chr(0x10FFFF)

"""Pages of a user's images, each at a cost that does not grow with the history: for a reading thread.

By name the unique index of paths is walked, and a folder that lies too deep is stepped over in one look-up.
By time, the newest of each folder are merged, from an index that has every folder's images in their order. A
search looks at the newest images that match, at most as many as the caller allows.
"""

import heapq
import itertools
import sqlite3
from collections.abc import Callable, Iterator

from msgspec import Struct

from hub.store.rows import SELECT, ImageRow, row_of
from hub.store.words import has_index, matching

Key = tuple[int, int]

MOST_FOLDERS = 5_000
DEEPEST = 10
_FOLDER = "rtrim(path, replace(path, '/', ''))"  # with its last '/', "" for the user's own folder
INDEXES = (
    f'CREATE INDEX IF NOT EXISTS images_in_folders ON images ("user", {_FOLDER}, created, id)',
    'CREATE INDEX IF NOT EXISTS images_with_star ON images ("user", created, id) WHERE starred = 1',
)
_IN_FOLDERS = "FROM images INDEXED BY images_in_folders"
_MOST_AT_ONCE = 512  # rows looked up together
_BLOCKS = (1, 16, 256)  # how many of a folder's images are looked up at its first, second and any later turn


class Asked(Struct, frozen=True):
    """What a page shall hold: images of `user` in `folder` ("" for all, no outer '/') at most `depth` levels
    down, by path or by time, `most` of them behind `after` (the key of the last one before: a path, or
    created and id). With `search` or `starred` they are chosen among the newest `scanned` that match.
    """

    user: str
    folder: str = ""
    depth: int = DEEPEST
    by_date: bool = False
    newest_first: bool = True
    after: str | Key | None = None
    most: int = 1_000
    scanned: int = 10_000
    starred: bool = False
    search: str = ""

    @property
    def deepest(self) -> int:
        """Most '/' a path may have."""
        return self.depth - 1 + (self.folder.count("/") + 1 if self.folder else 0)


class Page(Struct, frozen=True):
    """Images in the order asked for, and the key to go on behind, None at the end."""

    rows: list[ImageRow]
    after: str | Key | None = None


def page(db: sqlite3.Connection, asked: Asked) -> Page:
    """One page. Raises sqlite3.Error."""
    if asked.search or asked.starred:
        rows = _chosen(db, asked)
    elif asked.by_date:
        rows = _by_date(db, asked)
    else:
        rows = _by_path(db, asked)
    found: list[ImageRow] = []
    for row in rows:
        if len(found) == asked.most:
            return Page(found, _key(found[-1], asked) if found else None)
        found.append(row)
    return Page(found)


def folders(db: sqlite3.Connection, user: str, folder: str, depth: int) -> list[str]:
    """Folders below `folder` as whole paths, level by level and by name: one look-up a folder."""
    found: list[str] = []
    level = [folder]
    for _ in range(depth):
        below: list[str] = []
        for parent in level:
            below += _below(db, user, parent, MOST_FOLDERS - len(found) - len(below))
        found += below
        level = below
        if not below or len(found) >= MOST_FOLDERS:
            break
    return found


def _below(db: sqlite3.Connection, user: str, parent: str, most: int) -> Iterator[str]:
    prefix = _prefix(parent)
    start, end = prefix, behind(prefix)
    for _ in range(most):
        row = db.execute(
            f'SELECT {_FOLDER} {_IN_FOLDERS} WHERE "user" = ? AND {_FOLDER} > ? AND {_FOLDER} < ? '
            f"ORDER BY {_FOLDER} LIMIT 1",
            (user, start, end),
        ).fetchone()
        if row is None:
            return
        name = row[0][len(prefix) :].partition("/")[0]
        yield prefix + name
        start = behind(f"{prefix}{name}/")


# ---- by name -----------------------------------------------------------------------------------------------


def _by_path(db: sqlite3.Connection, asked: Asked) -> Iterator[ImageRow]:
    low, high = _prefix(asked.folder), behind(_prefix(asked.folder))
    after = asked.after if isinstance(asked.after, str) else None
    if asked.newest_first:
        sql = f'{SELECT} WHERE "user" = ? AND path < ? AND path > ? ORDER BY path DESC'
        at, end = min(after or high, high), low
    else:
        sql = f'{SELECT} WHERE "user" = ? AND path > ? AND path < ? ORDER BY path'
        at, end = max(after or low, low), high
    while True:
        deep = None
        for values in db.execute(sql, (asked.user, at, end)):
            row = row_of(values)
            if row.path.count("/") > asked.deepest:
                deep = "/".join(row.path.split("/")[: asked.deepest + 1]) + "/"
                break
            yield row
        if deep is None:
            return
        at = deep if asked.newest_first else behind(deep)


# ---- by time -----------------------------------------------------------------------------------------------


def _by_date(db: sqlite3.Connection, asked: Asked) -> Iterator[ImageRow]:
    if asked.folder == "" and asked.depth >= DEEPEST:
        keys = _keys_of_all(db, asked)
    else:
        lines = [_keys_of_folder(db, asked, name) for name in _folders_within(db, asked)]
        keys = heapq.merge(*lines, reverse=asked.newest_first)
    return _rows(db, (row_id for _, row_id in keys), asked.most + 1)


def _keys_of_all(db: sqlite3.Connection, asked: Asked) -> Iterator[Key]:
    """Images that lie deeper than any listing reaches are listed too."""
    sql, bound = _ordered('SELECT created, id FROM images WHERE "user" = ?', asked, asked.after)
    yield from db.execute(sql, (asked.user, *bound))


def _keys_of_folder(db: sqlite3.Connection, asked: Asked, folder: str) -> Iterator[Key]:
    after = asked.after
    turn = 0
    while True:
        block = min(_BLOCKS[min(turn, len(_BLOCKS) - 1)], asked.most + 1)
        sql, bound = _ordered(
            f'SELECT created, id {_IN_FOLDERS} WHERE "user" = ? AND {_FOLDER} = ?',
            asked,
            after,
        )
        found = db.execute(f"{sql} LIMIT {block}", (asked.user, folder, *bound)).fetchall()
        yield from found
        if len(found) < block:
            return
        after = found[-1]
        turn += 1


def _ordered(sql: str, asked: Asked, after: str | Key | None) -> tuple[str, Key | tuple[()]]:
    """The query in its order and behind a key."""
    order = "ORDER BY created DESC, id DESC" if asked.newest_first else "ORDER BY created, id"
    if not isinstance(after, tuple):
        return f"{sql} {order}", ()
    return f"{sql} AND (created, id) {'<' if asked.newest_first else '>'} (?, ?) {order}", after


def _folders_within(db: sqlite3.Connection, asked: Asked) -> list[str]:
    """Every folder that has images and is deep enough down, with its last '/'."""
    prefix = _prefix(asked.folder)
    below = folders(db, asked.user, asked.folder, asked.depth - 1) if asked.depth > 1 else []
    return [prefix, *(f"{name}/" for name in below)]


# ---- chosen by words or stars ------------------------------------------------------------------------------


def _chosen(db: sqlite3.Connection, asked: Asked) -> Iterator[ImageRow]:
    """Light rows first: sorted and cut to the page, and only then read whole."""
    fits = _fits(asked)
    light = [(path, created, row_id) for row_id, path, created in _candidates(db, asked) if fits(path)]
    keys: list[tuple[str | Key, int]] = [
        ((created, row_id) if asked.by_date else path, row_id) for path, created, row_id in light
    ]
    if isinstance(asked.after, tuple if asked.by_date else str):
        after: str | Key = asked.after
        keys = [key for key in keys if (key[0] < after) == asked.newest_first and key[0] != after]  # type: ignore[operator]
    keys.sort(reverse=asked.newest_first)
    return _rows(db, (row_id for _, row_id in keys), asked.most + 1)


def _candidates(db: sqlite3.Connection, asked: Asked) -> Iterator[tuple[int, str, int]]:
    """Id, path and time of the newest images that match."""
    query = matching(asked.user, asked.search) if asked.search else None
    star = " AND starred = 1" if asked.starred else ""
    if query is not None and has_index(db):
        yield from db.execute(
            "SELECT i.id, i.path, i.created FROM image_words w JOIN images i "  # noqa: S608
            f'ON i.id = w.rowid AND i."user" = ?{star} WHERE image_words MATCH ? '
            "ORDER BY w.rowid DESC LIMIT ?",
            (asked.user, query, asked.scanned),
        )
        return
    plain = db.execute(
        f'SELECT id, path, created, prompt FROM images WHERE "user" = ?{star} '  # noqa: S608
        "ORDER BY created DESC, id DESC LIMIT ?",
        (asked.user, asked.scanned),
    )
    text = asked.search.strip().casefold()
    for row_id, path, created, prompt in plain:
        if text in prompt.casefold():
            yield row_id, path, created


def _fits(asked: Asked) -> Callable[[str], bool]:
    prefix, deepest = _prefix(asked.folder), asked.deepest
    return lambda path: path.startswith(prefix) and path.count("/") <= deepest


# ---- inner -------------------------------------------------------------------------------------------------


def _rows(db: sqlite3.Connection, ids: Iterator[int], block: int) -> Iterator[ImageRow]:
    """The rows of these ids in their order, so many in one look-up: one for each costs twice the time."""
    block = max(1, min(block, _MOST_AT_ONCE))
    while some := list(itertools.islice(ids, block)):
        marks = ",".join("?" * len(some))
        found = {values[-1]: values for values in db.execute(f"{SELECT} WHERE id IN ({marks})", some)}
        for row_id in some:
            if row_id in found:
                yield row_of(found[row_id])


def _key(row: ImageRow, asked: Asked) -> str | Key:
    return (row.created, row.id or 0) if asked.by_date else row.path


def _prefix(folder: str) -> str:
    return f"{folder}/" if folder else ""


def behind(prefix: str) -> str:
    """The first text behind everything that begins with `prefix` (which ends in '/' or is empty)."""
    return f"{prefix[:-1]}0" if prefix else chr(0x10FFFF)

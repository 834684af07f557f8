"""Looking through the jobs that have ended, on a reading thread: by owner, state, session, words, age."""

import sqlite3
from collections.abc import Callable, Iterator

from msgspec import Struct

from hub.store.job_rows import NAMES, JobRow
from hub.store.rows import SELECT, ImageRow, row_of
from hub.store.words import has_index, matching

INDEX = "CREATE INDEX IF NOT EXISTS jobs_by_time ON jobs (created)"
_SMALL = 1 << 16  # bytes of a request that is worth reading only for its prompt
# A picture's row has its prompt; of a job without any only the request tells, as long as it is kept.
_REQUEST = f"CASE WHEN coalesce(made, 0) = 0 AND length(request) < {_SMALL} THEN request END"
_SELECT = f"SELECT {NAMES}, {_REQUEST}, error, priority, place, made, ends FROM jobs"  # noqa: S608
_IMAGES = f'{SELECT} WHERE job = ? ORDER BY "index"'
_ENDED = ("done", "failed", "cancelled")
MOST_SCANNED = 50_000
"""Rows looked at for one answer."""


class JobsAsked(Struct, frozen=True):
    """Which ended jobs: of `user` (None: of everyone), of these `states` (none: any end), accepted before
    `until` (unix milliseconds), with a number below `before`, from sessions that begin with `session`, with
    these `words` in the prompt (only of a `user`); the newest `limit` of them.
    """

    user: str | None
    states: tuple[str, ...] = ()
    until: int = 1 << 62
    before: int = 1 << 62
    session: str = ""
    words: str = ""
    limit: int = 1000


Found = tuple[JobRow, list[ImageRow]]
HasWords = Callable[[bytes], bool]
"""Whether the request of a job has the words asked for."""


def find(db: sqlite3.Connection, asked: JobsAsked, has_words: HasWords) -> list[Found]:
    """The jobs with their saved pictures, newest first."""
    found: list[Found] = []
    indexed = has_index(db)
    for row in _rows(db, asked, indexed=indexed):
        images = [row_of(values) for values in db.execute(_IMAGES, (row.id,))]
        if asked.words and not _has(asked, row, images, has_words, indexed=indexed):
            continue
        found.append((row, images))
        if len(found) >= asked.limit:
            break
    return found


def _has(
    asked: JobsAsked, row: JobRow, images: list[ImageRow], has_words: HasWords, *, indexed: bool
) -> bool:
    """Whether a row that may have the words has them: those with pictures the index has chosen already."""
    if images and not indexed:
        words = asked.words.lower().split()
        return any(all(word in image.prompt.lower() for word in words) for image in images)
    if images:
        return True
    return row.request is not None and has_words(row.request)


def _rows(db: sqlite3.Connection, asked: JobsAsked, *, indexed: bool) -> Iterator[JobRow]:
    states = tuple(state for state in asked.states if state in _ENDED) if asked.states else _ENDED
    if not states:
        return
    where = [f"state IN ({', '.join('?' for _ in states)})", "created < ?"]
    values: list[str | int] = [*states, asked.until]
    order = "created DESC"
    if asked.user is not None:
        where += ['"user" = ?', "request_id < ?"]
        values += [asked.user, asked.before]
        order = "request_id DESC"
    if asked.session:
        where.append("substr(session, 1, ?) = ?")
        values += [len(asked.session), asked.session]
    if asked.words and asked.user is not None:
        query = matching(asked.user, asked.words)
        if query is None:
            return
        if indexed:
            where.append(f"(id IN ({_WITH_WORDS}) OR {_REQUEST} IS NOT NULL)")
            values.append(query)
    sql = f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ?"
    for row in db.execute(sql, (*values, MOST_SCANNED)):
        yield JobRow(*row)


_WITH_WORDS = "SELECT i.job FROM image_words w JOIN images i ON i.id = w.rowid WHERE image_words MATCH ?"

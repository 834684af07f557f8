"""How many pictures each user has and how many bytes they take: kept by triggers, so that it is true whoever
adds or deletes, and one look-up however long a history is."""

import sqlite3

from hub.store.writer import Writer

_TABLE = (
    'CREATE TABLE image_totals ("user" TEXT PRIMARY KEY, files INTEGER NOT NULL, bytes INTEGER NOT NULL) '
    "WITHOUT ROWID"
)
_FILL = 'INSERT INTO image_totals SELECT "user", count(*), sum(bytes) FROM images GROUP BY "user"'
_PLUS = (
    'INSERT INTO image_totals VALUES (new."user", 1, new.bytes) ON CONFLICT ("user") '
    "DO UPDATE SET files = files + 1, bytes = bytes + new.bytes"
)
_MINUS = 'UPDATE image_totals SET files = files - 1, bytes = bytes - old.bytes WHERE "user" = old."user"'
_SWEEP = 'DELETE FROM image_totals WHERE "user" = old."user" AND files <= 0'  # no name stays behind
_TRIGGERS = (
    ("added", "INSERT", (_PLUS,)),
    ("deleted", "DELETE", (_MINUS, _SWEEP)),
    ("changed", 'UPDATE OF "user", bytes', (_PLUS, _MINUS, _SWEEP)),
)


class Totals:
    """Functions of the table of totals."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def begin(self) -> None:
        """Make table and triggers where they are missing, and count what is there then."""
        self._writer.prepare(_make)

    def of(self, user: str) -> tuple[int, int]:
        """How many pictures a user has, and their bytes."""
        row = self._writer.one('SELECT files, bytes FROM image_totals WHERE "user" = ?', (user,))
        return (0, 0) if row is None else (int(row[0]), int(row[1]))


def _make(db: sqlite3.Connection) -> None:
    there = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'image_totals'").fetchone()
    db.execute("BEGIN IMMEDIATE")
    try:
        if there is None:
            db.execute(_TABLE)
            db.execute(_FILL)
        for name, event, steps in _TRIGGERS:
            body = "; ".join(steps)
            db.execute(f"CREATE TRIGGER IF NOT EXISTS image_{name} AFTER {event} ON images BEGIN {body}; END")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")

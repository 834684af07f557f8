"""Rows of the configured engines."""

import asyncio

from msgspec import Struct

from hub.store.writer import Writer, together

_PUT = """INSERT INTO engines (id, type, title, enabled, settings, secrets) VALUES (?,?,?,?,?,?)
    ON CONFLICT (id) DO UPDATE SET type = excluded.type, title = excluded.title, enabled = excluded.enabled,
    settings = excluded.settings, secrets = excluded.secrets"""


class EngineRow(Struct, frozen=True):
    """One configured engine; `settings` a JSON object, `secrets` what the engines room made of those never
    shown, "" for none."""

    id: int
    type: str
    title: str = ""
    enabled: bool = True
    settings: str = "{}"
    secrets: str = ""


class Engines:
    """Functions of the table."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def all(self) -> list[EngineRow]:
        """Every engine by its number: read once, at the start."""
        rows = self._writer.many(
            "SELECT id, type, title, enabled, settings, secrets FROM engines ORDER BY id"
        )
        return [EngineRow(row[0], row[1], row[2], bool(row[3]), row[4], row[5]) for row in rows]

    def put(self, row: EngineRow, old: int | None = None) -> asyncio.Future[int]:
        """Write an engine; `old` is the number it had when that is another."""
        values = (row.id, row.type, row.title, row.enabled, row.settings, row.secrets)
        gone = row.id if old is None else old
        return self._writer.write(
            together(
                lambda db: db.execute("DELETE FROM engines WHERE id = ? AND id != ?", (gone, row.id)),
                lambda db: db.execute(_PUT, values).rowcount,
            )
        )

    def delete(self, engine: int) -> asyncio.Future[int]:
        """Remove an engine; 1 when there was one."""
        return self._writer.execute("DELETE FROM engines WHERE id = ?", (engine,))

"""Rows of presets."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from hub.store.writer import Writer, together

_BODY = "title, author, description, is_starred, param_map, edits, preview_metadata, preview_path"


class PresetRow(Struct, frozen=True):
    """One preset: found by the lower-case title; `param_map` id to text; `edits` counts how often the preview
    was replaced (part of its address); `has_preview` whether there are JPEG bytes, `preview_path` an
    address instead."""

    title: str
    author: str = ""
    description: str = ""
    is_starred: bool = False
    param_map: Mapping[str, str] = {}
    edits: int = 0
    preview_metadata: str = ""
    preview_path: str = ""
    has_preview: bool = False


class PresetRows:
    """Functions of the presets table. Previews are read one at a time, never with the list."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def all(self, user: str) -> list[PresetRow]:
        """The presets of a user by title, without pictures."""
        rows = self._writer.many(
            f'SELECT {_BODY}, preview IS NOT NULL FROM presets WHERE "user" = ? ORDER BY "key"',  # noqa: S608
            (user,),
        )
        return [_row(row) for row in rows]

    def by_title(self, user: str, title: str) -> PresetRow | None:
        """The preset of that title in any letter case, or None."""
        row = self._writer.one(
            f'SELECT {_BODY}, preview IS NOT NULL FROM presets WHERE "user" = ? AND "key" = ?',  # noqa: S608
            (user, title.lower()),
        )
        return None if row is None else _row(row)

    def preview(self, user: str, title: str) -> bytes | None:
        """The JPEG bytes of a preset's picture, or None."""
        row = self._writer.one(
            'SELECT preview FROM presets WHERE "user" = ? AND "key" = ?', (user, title.lower())
        )
        return None if row is None else row[0]

    def put(
        self, user: str, row: PresetRow, *, preview: bytes | None, replaces: str | None = None
    ) -> asyncio.Future[int]:
        """Write or replace a preset with its picture; `replaces` names one that goes with it."""
        values = (
            user,
            row.title.lower(),
            row.title,
            row.author,
            row.description,
            row.is_starred,
            json.dumps(dict(row.param_map)),
            row.edits,
            row.preview_metadata,
            row.preview_path,
            preview,
        )
        write = (
            'INSERT INTO presets ("user", "key", title, author, description, is_starred, param_map, edits, '
            "preview_metadata, preview_path, preview) VALUES (?,?,?,?,?,?,?,?,?,?,?) "
            'ON CONFLICT ("user", "key") DO UPDATE SET title = excluded.title, author = excluded.author, '
            "description = excluded.description, is_starred = excluded.is_starred, "
            "param_map = excluded.param_map, edits = excluded.edits, "
            "preview_metadata = excluded.preview_metadata, preview_path = excluded.preview_path, "
            "preview = excluded.preview"
        )
        remove = 'DELETE FROM presets WHERE "user" = ? AND "key" = ?'
        if replaces is None or replaces.lower() == row.title.lower():
            return self._writer.execute(write, values)
        old = replaces.lower()
        return self._writer.write(
            together(
                lambda db: db.execute(remove, (user, old)), lambda db: db.execute(write, values).rowcount
            )
        )

    def delete(self, user: str, title: str) -> asyncio.Future[int]:
        """Remove a preset; 1 when there was one."""
        return self._writer.execute(
            'DELETE FROM presets WHERE "user" = ? AND "key" = ?', (user, title.lower())
        )


def _row(values: tuple[Any, ...]) -> PresetRow:
    title, author, description, starred, params, edits, metadata, path, has_preview = values
    return PresetRow(
        title,
        author,
        description,
        bool(starred),
        json.loads(params),
        edits,
        metadata,
        path,
        bool(has_preview),
    )

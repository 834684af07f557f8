"""Rows of roles."""

import asyncio
import json
from typing import Any

from msgspec import Struct

from hub.store.writer import Writer

_COLUMNS = (
    "id, name, description, flags, model_whitelist, model_blacklist, max_outpath_depth, "
    "max_t2i_simultaneous, allow_unsafe_outpaths, automatic, check_content, "
    "max_images_at_once, max_queued, max_per_day, max_pixels, max_steps, max_files, max_storage_mib"
)


class RoleRow(Struct, frozen=True):
    """One role (swarm-api §3): `flags` are permission ids, the model lists name prefixes; an `automatic` role
    cannot be deleted. Of the last seven limits 0 is none."""

    id: str
    name: str
    description: str = ""
    flags: tuple[str, ...] = ()
    model_whitelist: tuple[str, ...] = ()
    model_blacklist: tuple[str, ...] = ()
    max_outpath_depth: int = 5
    max_t2i_simultaneous: int = 32
    allow_unsafe_outpaths: bool = False
    automatic: bool = False
    check_content: bool = False
    max_images_at_once: int = 0
    max_queued: int = 0
    max_per_day: int = 0
    max_pixels: int = 0
    max_steps: int = 0
    max_files: int = 0
    max_storage_mib: int = 0


class RoleRows:
    """Functions of the roles table."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def all(self) -> list[RoleRow]:
        """Every role, by id."""
        return [_row(row) for row in self._writer.many(f"SELECT {_COLUMNS} FROM roles ORDER BY id")]  # noqa: S608

    def put(self, row: RoleRow) -> asyncio.Future[int]:
        """Write or replace a role."""
        values = (
            row.id,
            row.name,
            row.description,
            json.dumps(list(row.flags)),
            json.dumps(list(row.model_whitelist)),
            json.dumps(list(row.model_blacklist)),
            row.max_outpath_depth,
            row.max_t2i_simultaneous,
            row.allow_unsafe_outpaths,
            row.automatic,
            row.check_content,
            row.max_images_at_once,
            row.max_queued,
            row.max_per_day,
            row.max_pixels,
            row.max_steps,
            row.max_files,
            row.max_storage_mib,
        )
        return self._writer.execute(
            f"INSERT OR REPLACE INTO roles ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608
            values,
        )

    def delete(self, role: str) -> asyncio.Future[int]:
        """Remove a role; 1 when there was one."""
        return self._writer.execute("DELETE FROM roles WHERE id = ?", (role,))


def _row(values: tuple[Any, ...]) -> RoleRow:
    role, name, description, flags, white, black, depth, at_once, unsafe, automatic, check, *quotas = values
    return RoleRow(
        role,
        name,
        description,
        tuple(json.loads(flags)),
        tuple(json.loads(white)),
        tuple(json.loads(black)),
        depth,
        at_once,
        bool(unsafe),
        bool(automatic),
        bool(check),
        *quotas,
    )

"""Bring a database file to this code's schema, or refuse it, and open the reading connection.

Tortoise's own migrations, every sharp edge guarded (see the comments), in process, before anything else uses
the file.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.context import TortoiseContext, _current_context
from tortoise.migrations.api import migrate

from hub.errors import HubError

APP = "store"
MIGRATIONS = "hub.store.migrations"
FOLDER = Path(__file__).parent / "migrations"
KEPT_COPIES = 3


class UnusableDatabase(HubError):
    """The database cannot be used by this version; the text says why and what to do."""


class Reader:
    """The connection of lists and searches: a scan here never makes a point read or a write wait."""

    def __init__(self, context: TortoiseContext) -> None:
        self._context = context
        self._connection = context.connections.get("default")

    @contextmanager
    def queries(self) -> Iterator[BaseDBAsyncClient]:
        """Model queries built and awaited inside use this store, whatever other stores are open.

        Tortoise finds its connection through a context variable that no request's task inherits.
        """
        token = _current_context.set(self._context)
        try:
            yield self._connection
        finally:
            _current_context.reset(token)

    async def close(self) -> None:
        """Close the connection."""
        with self.queries():
            await self._context.close_connections()


def known_migrations(folder: Path = FOLDER) -> set[str]:
    """The names of every change of the tables that this code knows."""
    return {path.stem for path in folder.glob("[0-9]*.py")}


async def bring_up(database: Path, *, package: str = MIGRATIONS, folder: Path = FOLDER) -> None:
    """Create or migrate `database`. Raises `UnusableDatabase` when newer code migrated it or a check fails.

    Before a change to a file that has tables a copy is made beside it (`VACUUM INTO`).
    """
    applied = _applied(database)
    known = known_migrations(folder)
    if newer := sorted(applied - known):
        # Tortoise itself says nothing here and would go on with columns this code does not know.
        raise UnusableDatabase(
            f"The database {database} was changed by a newer version of this program ({', '.join(newer)}). "
            "Start that version, or restore the copy it made beside the file before the change."
        )
    if known == applied:
        return
    if applied:
        _copy(database)
    # foreign_keys=OFF: a rebuild of a parent table would delete its child rows and report success. It has to
    # be in the address, as a pragma inside a migration is ignored by its transaction.
    async with TortoiseContext():
        await migrate(
            config=_config(database, package, "foreign_keys=OFF&synchronous=NORMAL"), direction="forward"
        )
    _check(database)
    if applied:
        _compact(database)


async def open_reader(database: Path) -> Reader:
    """The reading connection; it refuses writes, which belong to the writer."""
    context = TortoiseContext()
    token = _current_context.set(context)
    try:
        await context.init(config=_config(database, MIGRATIONS, "query_only=1&synchronous=NORMAL"))
    finally:
        _current_context.reset(token)
    return Reader(context)


def _config(database: Path, package: str, pragmas: str) -> dict[str, Any]:
    return {
        "connections": {"default": f"sqlite://{database}?{pragmas}"},
        "apps": {
            APP: {"models": ["hub.store.models"], "default_connection": "default", "migrations": package}
        },
    }


def _applied(database: Path) -> set[str]:
    if not database.exists():
        return set()
    with closing(sqlite3.connect(database)) as db:
        try:
            rows = db.execute("SELECT name FROM tortoise_migrations WHERE app = ?", (APP,)).fetchall()
        except sqlite3.OperationalError:  # no such table: an empty file
            return set()
        except sqlite3.DatabaseError as error:
            raise UnusableDatabase(
                f"The database {database} cannot be read ({error}). Put it aside to start with an empty one, "
                "or restore a copy."
            ) from error
    return {row[0] for row in rows}


def _copy(database: Path) -> None:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    target = database.with_name(f"{database.name}.before-{stamp}")
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as db:
        db.execute("VACUUM INTO ?", (str(target),))
    for old in sorted(database.parent.glob(f"{database.name}.before-*"))[:-KEPT_COPIES]:
        old.unlink()


def _compact(database: Path) -> None:
    """A rebuilt table leaves its old pages behind, with rows that have to be gone once deleted."""
    with closing(sqlite3.connect(database)) as db:
        db.execute("VACUUM")


def _check(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db:
        broken = db.execute("PRAGMA foreign_key_check").fetchall()
        state = db.execute("PRAGMA quick_check").fetchone()[0]
    if broken or state != "ok":
        raise UnusableDatabase(
            f"Changing the database {database} to this version left it broken ({len(broken)} loose rows, "
            f"{state}). The copy made beforehand lies beside it."
        )

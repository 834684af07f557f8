"""Bringing a database up: fresh, old and full of rows, from newer code, broken."""

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.store import ImageRow, JobRow, PresetRow, Store, UnusableDatabase, UserRow
from hub.store.opening import FOLDER, bring_up

TABLES = ("users", "sessions", "tokens", "roles", "presets", "user_data", "jobs", "images")

NEXT = """
from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("store", "{previous}")]
    operations = [
        ops.AddField(
            model_name="ImageTable", name="rating", field=fields.IntField(db_default=3)
        ),
        ops.AddField(
            model_name="UserTable", name="note", field=fields.TextField(db_default="")
        ),
    ]
"""


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """The migrations of a later version: ours and one more, as a package of their own."""
    folder = tmp_path / "later_migrations"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    newest = max(path.stem for path in folder.glob("[0-9]*.py"))
    (folder / "0999_rating.py").write_text(NEXT.format(previous=newest))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "later_migrations", folder
    for name in [name for name in sys.modules if name.startswith("later_migrations")]:
        del sys.modules[name]


def schema(database: Path) -> dict[str, str]:
    """What migrations make; what begins with `image_`, `images_` and `jobs_` comes by opening."""
    with sqlite3.connect(database) as db:
        rows = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: sql for name, sql in rows if not name.startswith(("image_", "images_", "jobs_"))}


def counts(database: Path) -> dict[str, int]:
    with sqlite3.connect(database) as db:
        return {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES}  # noqa: S608


async def fill(database: Path) -> None:
    store = await Store.open(database)
    for number in range(30):
        name = f"user{number}"
        await store.users.add(UserRow(name, roles=("user",)))
        await store.jobs.accept(JobRow(f"{number:032x}", name, "s", 1001, "done", 1, number))
        await store.images.add(ImageRow(f"{number:032x}", 0, name, f"raw/{number}.png", number, prompt="p"))
        await store.presets.put(name, PresetRow("One", param_map={"steps": "4"}), preview=b"\xff\xd8")
        await store.user_data.put(name, "stars", "{}")
    await store.close()


async def test_a_fresh_database_has_every_table_and_survives_reopening(tmp_path: Path) -> None:
    database = tmp_path / "folder" / "hub.sqlite3"
    await fill(database)
    before = counts(database)
    await (await Store.open(database)).close()
    assert counts(database) == before
    assert list(database.parent.glob("*.before-*")) == []


async def test_migrating_a_full_database_keeps_rows_and_gives_the_schema_of_a_fresh_one(
    tmp_path: Path, later: tuple[str, Path]
) -> None:
    package, folder = later
    old, fresh = tmp_path / "old.sqlite3", tmp_path / "fresh.sqlite3"
    await fill(old)
    before = counts(old)
    await bring_up(old, package=package, folder=folder)
    await bring_up(fresh, package=package, folder=folder)
    assert counts(old) == before
    assert schema(old) == schema(fresh)
    with sqlite3.connect(old) as db:
        assert db.execute("SELECT DISTINCT rating FROM images").fetchall() == [(3,)]
        assert db.execute("SELECT path, prompt FROM images WHERE user = 'user7'").fetchall() == [
            ("raw/7.png", "p")
        ]
        with pytest.raises(sqlite3.IntegrityError):
            db.execute("UPDATE images SET user = 'user1', path = 'raw/2.png'")


async def test_a_copy_is_made_before_a_full_database_is_changed(
    tmp_path: Path, later: tuple[str, Path]
) -> None:
    package, folder = later
    database = tmp_path / "hub.sqlite3"
    await fill(database)
    before = counts(database)
    await bring_up(database, package=package, folder=folder)
    (copy,) = tmp_path.glob("hub.sqlite3.before-*")
    assert counts(copy) == before
    assert "rating" not in schema(copy)["images"]


async def test_a_database_changed_by_newer_code_is_refused_and_left_alone(
    tmp_path: Path, later: tuple[str, Path]
) -> None:
    package, folder = later
    database = tmp_path / "hub.sqlite3"
    await bring_up(database, package=package, folder=folder)
    before = database.read_bytes()
    with pytest.raises(UnusableDatabase, match=r"newer version.*0999_rating"):
        await Store.open(database)
    assert database.read_bytes() == before


async def test_a_file_that_is_no_database_is_refused_with_what_to_do(tmp_path: Path) -> None:
    database = tmp_path / "hub.sqlite3"
    database.write_bytes(b"this is no database, " * 100)
    with pytest.raises(UnusableDatabase, match="Put it aside"):
        await Store.open(database)


async def test_lists_cannot_write(tmp_path: Path) -> None:
    from hub.store.models import UserTable

    store = await Store.open(tmp_path / "hub.sqlite3")
    with store.reader.queries() as db, pytest.raises(Exception, match="readonly"):
        await UserTable(name="x").save(using_db=db)
    await store.close()


async def test_two_stores_in_one_process_keep_apart(tmp_path: Path) -> None:
    first, second = await Store.open(tmp_path / "1.sqlite3"), await Store.open(tmp_path / "2.sqlite3")
    await first.users.add(UserRow("ann"))
    assert (await first.users.names(), await second.users.names()) == (["ann"], [])
    await first.close()
    assert await second.users.names() == []
    await second.close()


def test_no_table_comment_holds_a_semicolon() -> None:
    """Tortoise 1.1.9 cuts the CREATE TABLE there, and the first start fails."""
    for path in FOLDER.glob("[0-9]*.py"):
        for line in path.read_text().splitlines():
            assert "table_description" not in line or ";" not in line, f"{path.name}: {line.strip()}"

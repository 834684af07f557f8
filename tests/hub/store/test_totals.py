"""How many pictures a user has and their bytes, whoever adds, deletes or changes them."""

import sqlite3
from pathlib import Path

import pytest

from hub.store import ImageRow, Store


def picture(user: str, path: str, size: int) -> ImageRow:
    return ImageRow("j", 0, user, path, 1000, bytes=size)


async def test_they_follow_every_change(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "hub.sqlite3")
    assert store.totals.of("ann") == (0, 0)
    await store.images.add(picture("ann", "a.png", 10))
    await store.images.add(picture("ann", "b.png", 5))
    await store.images.add(picture("bob", "a.png", 7))
    assert (store.totals.of("ann"), store.totals.of("bob")) == ((2, 15), (1, 7))
    await store.images.move("ann", "a.png", "c.png")
    await store.images.star("ann", "c.png", True)
    assert store.totals.of("ann") == (2, 15)
    await store.writer.execute("UPDATE images SET bytes = 100 WHERE path = 'c.png'")
    assert store.totals.of("ann") == (2, 105)
    await store.writer.execute("UPDATE images SET \"user\" = 'bob' WHERE path = 'c.png'")
    assert (store.totals.of("ann"), store.totals.of("bob")) == ((1, 5), (2, 107))
    await store.images.delete("ann", "b.png")
    await store.images.delete("ann", "b.png")
    assert store.totals.of("ann") == (0, 0)
    assert store.writer.one("SELECT count(*) FROM image_totals") == (1,)
    await store.close()


async def test_a_picture_that_is_not_taken_does_not_count(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "hub.sqlite3")
    await store.images.add(picture("ann", "a.png", 10))
    with pytest.raises(sqlite3.IntegrityError):
        await store.images.add(picture("ann", "a.png", 10))
    assert store.totals.of("ann") == (1, 10)
    await store.close()


async def test_what_an_older_version_kept_is_counted_at_the_start(tmp_path: Path) -> None:
    database = tmp_path / "hub.sqlite3"
    store = await Store.open(database)
    for number in range(3):
        await store.images.add(picture("ann", f"{number}.png", 4))
    await store.close()
    with sqlite3.connect(database) as db:
        for name in ("added", "deleted", "changed"):
            db.execute(f"DROP TRIGGER image_{name}")
        db.execute("DROP TABLE image_totals")
    store = await Store.open(database)
    assert store.totals.of("ann") == (3, 12)
    await store.images.add(picture("ann", "more.png", 4))
    assert store.totals.of("ann") == (4, 16)
    await store.close()

"""Reads on a thread of their own: one state each, given up in time, never in anybody's way."""

import sqlite3
from pathlib import Path

import pytest

from hub.store import Store, TooLong
from hub.store.reading import Reading

COUNT = "SELECT count(*) FROM user_data"


async def test_a_read_sees_one_state_and_the_next_one_what_came_meanwhile(
    store: Store, tmp_path: Path
) -> None:
    reading = Reading(tmp_path / "hub.sqlite3", "test")

    def read(db: sqlite3.Connection) -> list[int]:
        seen = [db.execute(COUNT).fetchone()[0]]
        with sqlite3.connect(tmp_path / "hub.sqlite3") as other:
            other.execute("INSERT INTO user_data (\"user\", kind, name) VALUES ('ann', 'a', 'b')")
        return [*seen, db.execute(COUNT).fetchone()[0]]

    assert await reading.run(read) == [0, 0]
    assert await reading.run(lambda db: db.execute(COUNT).fetchone()[0]) == 1
    reading.close()


async def test_after_a_read_that_took_too_long_or_broke_the_next_one_goes_on(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.sqlite3").close()
    reading = Reading(tmp_path / "empty.sqlite3", "test", seconds=0.05)
    forever = "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n) SELECT max(v) FROM n"
    with pytest.raises(TooLong):
        await reading.run(lambda db: db.execute(forever).fetchone())
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await reading.run(lambda db: db.execute("SELECT 1 FROM absent"))
    assert await reading.run(lambda db: db.execute("SELECT 1").fetchone()) == (1,)
    reading.close()

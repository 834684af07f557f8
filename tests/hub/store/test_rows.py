"""Jobs, images, users, presets and small texts as their rooms use them."""

import asyncio
import sqlite3

import pytest

from hub.store import ImageRow, JobRow, PresetRow, Store, UserRow


def image(
    number: int, path: str, *, user: str = "ann", created: int | None = None, **more: object
) -> ImageRow:
    return ImageRow("j" * 32, number, user, path, number if created is None else created, **more)  # type: ignore[arg-type]


class TestJobs:
    async def test_numbers_begin_at_1001_for_each_user(self, store: Store) -> None:
        assert store.jobs.last_request_id("ann") == 1000
        await store.jobs.accept(JobRow("a", "ann", "s", 1001, "waiting", 2, 5, request=b"packed"))
        assert (store.jobs.last_request_id("ann"), store.jobs.last_request_id("bob")) == (1001, 1000)

    async def test_the_end_lets_go_of_the_request(self, store: Store) -> None:
        await store.jobs.accept(JobRow("a", "ann", "s", 1001, "waiting", 2, 5, request=b"packed"))
        assert [row.request for row in store.jobs.unfinished()] == [b"packed"]
        await store.jobs.finish("a", "failed", "no engine", 9, 0)
        assert store.jobs.unfinished() == []
        assert store.jobs.by_id("a") == JobRow(
            "a", "ann", "s", 1001, "failed", 2, 5, 9, b"packed", "no engine", made=0
        )

    async def test_pages_go_back_in_time_and_stay_with_their_user(self, store: Store) -> None:
        for number in range(5):
            await store.jobs.accept(JobRow(f"a{number}", "ann", "s", 1001 + number, "done", 1, number))
        await store.jobs.accept(JobRow("b", "bob", "s", 1001, "done", 1, 0))
        first = store.jobs.page("ann", limit=2)
        assert [row.request_id for row in first] == [1005, 1004]
        assert [row.request_id for row in store.jobs.page("ann", before=1004)] == [1003, 1002, 1001]

    async def test_saved_images_are_known_by_index(self, store: Store) -> None:
        await store.images.add(image(3, "raw/x.png"))
        assert store.jobs.done_indices("j" * 32) == {3}


class TestImages:
    async def test_a_path_is_taken_once_for_each_user(self, store: Store) -> None:
        await store.images.add(image(0, "raw/a.png"))
        await store.images.add(image(0, "raw/a.png", user="bob"))
        with pytest.raises(sqlite3.IntegrityError):
            await store.images.add(image(1, "raw/a.png"))
        assert store.images.exists("ann", "raw/a.png")
        assert not store.images.exists("ann", "raw/A.png")

    async def test_pages_by_time_follow_each_other_without_gap_or_repeat(self, store: Store) -> None:
        for number in range(25):
            await store.images.add(image(number, f"raw/{number:02}.png", created=number // 4))
        for newest_first in (True, False):
            seen: list[str] = []
            before: tuple[int, int] | None = None
            while page := await store.images.page("ann", before=before, limit=7, newest_first=newest_first):
                seen += [row.path for row in page]
                assert page[-1].id is not None
                before = (page[-1].created, page[-1].id)
            expected = [f"raw/{number:02}.png" for number in range(25)]
            assert seen == (expected[::-1] if newest_first else expected)

    async def test_pages_by_path_narrow_to_a_folder_exactly(self, store: Store) -> None:
        for path in ("raw/a/1.png", "raw/a/2.png", "raw/a.png", "raw/ab/3.png", "raw/A/4.png"):
            await store.images.add(image(0, path))
        rows = await store.images.page_by_path("ann", folder_prefix="raw/a")
        assert [row.path for row in rows] == ["raw/a/2.png", "raw/a/1.png"]
        rest = await store.images.page_by_path("ann", before="raw/a/2.png", newest_first=True, limit=9)
        assert [row.path for row in rest] == ["raw/a/1.png", "raw/a.png", "raw/A/4.png"]

    async def test_folders_are_named_without_reading_every_image(self, store: Store) -> None:
        for path in ("top.png", "raw/2026/1.png", "raw/2026/2.png", "raw/2027/x/3.png", "Starred/1.png"):
            await store.images.add(image(0, path))
        assert store.images.folders("ann") == ["Starred", "raw"]
        assert store.images.folders("ann", "raw") == ["2026", "2027"]
        assert store.images.folders("ann", "raw/2027/") == ["x"]
        assert store.images.folders("bob") == []

    async def test_stars_searches_moves_and_deletes(self, store: Store) -> None:
        await store.images.add(image(0, "a.png", prompt="a Red circle"))
        await store.images.add(image(1, "b.png", prompt="100% blue"))
        assert await store.images.star("ann", "a.png", True) == 1
        assert await store.images.star("bob", "a.png", True) == 0
        assert [row.path for row in await store.images.page("ann", starred=True)] == ["a.png"]
        assert [row.path for row in await store.images.page("ann", search="red")] == ["a.png"]
        assert [row.path for row in await store.images.page("ann", search="100%")] == ["b.png"]
        assert await store.images.move("ann", "a.png", "c.png") == 1
        assert await store.images.delete("ann", "a.png") == 0
        assert await store.images.delete("ann", "c.png") == 1
        assert await store.images.count("ann") == 1


async def test_a_long_scan_keeps_neither_point_reads_nor_writes_waiting(store: Store) -> None:
    sql = (
        'INSERT INTO images (job, "index", "user", path, created, prompt) '
        "SELECT 'j', 0, 'ann', 'raw/' || value || '.png', value, hex(zeroblob(120)) FROM generate"
    )
    numbers = (
        "WITH RECURSIVE generate(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM generate LIMIT 60000) "
    )
    await store.writer.execute(sql.replace("INSERT", f"{numbers} INSERT", 1))
    scan = asyncio.create_task(store.images.page("ann", search="in no prompt at all"))
    await asyncio.sleep(0)
    done = 0
    while not scan.done():
        assert store.images.exists("ann", f"raw/{done + 1}.png")
        await store.images.star("ann", f"raw/{done + 1}.png", True)
        done += 1
    assert await scan == []
    assert done >= 20


class TestUsers:
    async def test_deleting_a_user_takes_everything_of_theirs_and_nothing_else(self, store: Store) -> None:
        for name in ("ann", "bob"):
            await store.users.add(UserRow(name))
            await store.user_data.put(name, "stars", "{}")
            await store.presets.put(name, PresetRow("P"), preview=b"x")
            await store.jobs.accept(JobRow(name, name, "s", 1001, "done", 1, 0))
            await store.images.add(image(0, "a.png", user=name))
        assert await store.users.delete("ann") == 1
        assert await store.users.names() == ["bob"]
        assert store.user_data.get("ann", "stars") is None
        assert store.presets.all("ann") == []
        assert (await store.images.count("ann"), await store.images.count("bob")) == (0, 1)
        assert store.presets.preview("bob", "p") == b"x"

    async def test_settings_and_roles_come_back_as_they_were(self, store: Store) -> None:
        row = UserRow("ann", "hash", True, ("user", "guest"), {"theme": "x", "n": 1.5, "b": False}, 3, 4)
        await store.users.add(row)
        assert store.users.by_name("ann") == row

"""Jobs, images, users, presets and small texts as their rooms use them."""

import sqlite3

import msgspec
import pytest

from hub.store import ImageRow, JobRow, JobsAsked, Store, UserRow


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
        first = await self.numbers(store, JobsAsked("ann", limit=2))
        assert first == [1005, 1004]
        assert await self.numbers(store, JobsAsked("ann", before=1004)) == [1003, 1002, 1001]
        assert await self.numbers(store, JobsAsked("ann", until=2)) == [1002, 1001]
        assert await self.numbers(store, JobsAsked(None, limit=3)) == [1005, 1004, 1003]

    async def numbers(self, store: Store, asked: JobsAsked) -> list[int]:
        return [row.request_id for row, _ in await store.jobs.find(asked, lambda request: b"red" in request)]

    async def test_found_by_state_session_and_words(self, store: Store) -> None:
        for number, (state, session) in enumerate(
            [("done", "aaaa1"), ("failed", "bbbb2"), ("waiting", "aaaa1")]
        ):
            row = JobRow(f"{number}" * 32, "ann", session, 1001 + number, state, 1, number, made=0)
            await store.jobs.accept(msgspec.structs.replace(row, request=b"a red hat" if number else None))
        await store.images.add(msgspec.structs.replace(image(0, "x.png"), job="0" * 32, prompt="Red hats"))
        await store.images.words.caught_up()
        assert await self.numbers(store, JobsAsked("ann")) == [1002, 1001], "unfinished ones are in memory"
        assert await self.numbers(store, JobsAsked("ann", states=("failed", "waiting"))) == [1002]
        assert await self.numbers(store, JobsAsked("ann", states=("waiting",))) == []
        assert await self.numbers(store, JobsAsked("ann", session="aaaa")) == [1001]
        assert await self.numbers(store, JobsAsked("ann", words="red")) == [1002, 1001]
        assert await self.numbers(store, JobsAsked("ann", words="hat")) == [1002, 1001]
        assert await self.numbers(store, JobsAsked("bob", words="red")) == []

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

    async def test_stars_moves_and_deletes(self, store: Store) -> None:
        await store.images.add(image(0, "a.png"))
        await store.images.add(image(1, "b.png"))
        assert await store.images.star("ann", "a.png", True) == 1
        assert await store.images.star("bob", "a.png", True) == 0
        assert await store.images.move("ann", "a.png", "c.png") == 1
        assert await store.images.delete("ann", "a.png") == 0
        assert await store.images.delete("ann", "c.png") == 1
        assert await store.images.count("ann") == 1


class TestUsers:
    async def test_settings_and_roles_come_back_as_they_were(self, store: Store) -> None:
        row = UserRow("ann", "hash", True, ("user", "guest"), {"theme": "x", "n": 1.5, "b": False}, 3, 4)
        await store.users.add(row)
        assert store.users.by_name("ann") == row

"""Pages of a history: by name, time, folder, stars and words, at a cost that does not grow with it."""

import asyncio
import sqlite3
import string
from pathlib import Path
from random import Random

import pytest

from hub.store import Asked, ImageRow, Page, Store
from hub.store.history import page as read_page
from hub.store.words import matching


def image(
    path: str, *, user: str = "ann", created: int = 0, prompt: str = "", starred: bool = False
) -> ImageRow:
    return ImageRow("j" * 32, 0, user, path, created, prompt=prompt, starred=starred)


async def add(store: Store, *paths: str, **more: object) -> None:
    for number, path in enumerate(paths):
        await store.images.add(image(path, created=number, **more))  # type: ignore[arg-type]


async def paths(store: Store, user: str = "ann", **asked: object) -> list[str]:
    return [row.path for row in (await store.images.page(Asked(user, **asked))).rows]  # type: ignore[arg-type]


async def fill(store: Store, rows: int, folders: int = 1) -> None:
    """Many rows at once, as a history from before the index of words would have them."""
    await store.writer.execute(
        "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT ?) "
        'INSERT INTO images (job, "index", "user", path, created, prompt) '
        "SELECT 'j', 0, 'ann', 'raw/' || (v % ?) || '/' || v || '.png', v, 'number ' || v FROM n",
        (rows, folders),
    )


class TestOrder:
    @pytest.mark.parametrize("newest_first", [True, False])
    @pytest.mark.parametrize("by_date", [True, False])
    @pytest.mark.parametrize("depth", [10, 3])
    async def test_pages_follow_each_other_without_gap_or_repeat(
        self, store: Store, newest_first: bool, by_date: bool, depth: int
    ) -> None:
        for number in range(40):
            path = f"raw/{number % 3}/{number:02}.png" if number % 4 else f"raw/{number:02}.png"
            await store.images.add(image(path, created=number // 4))
        seen: list[ImageRow] = []
        after = None
        while True:
            asked = Asked("ann", "", depth, by_date=by_date, newest_first=newest_first, after=after, most=7)
            page = await store.images.page(asked)
            seen += page.rows
            if page.after is None:
                break
            after = page.after
        wanted = sorted(seen, key=lambda row: (row.created, row.id or 0) if by_date else row.path)
        assert len(seen) == 40
        assert seen == (wanted[::-1] if newest_first else wanted)

    async def test_a_page_longer_than_one_look_up_keeps_its_order(self, store: Store) -> None:
        await fill(store, 1300, folders=3)
        for newest_first in (True, False):
            found = await paths(store, by_date=True, newest_first=newest_first, most=1200)
            numbers = range(1300, 100, -1) if newest_first else range(1, 1201)
            assert found == [f"raw/{number % 3}/{number}.png" for number in numbers]

    async def test_a_folder_is_taken_exactly(self, store: Store) -> None:
        await add(store, "raw/a/1.png", "raw/a/2.png", "raw/a.png", "raw/ab/3.png", "raw/A/4.png")
        for by_date in (True, False):
            assert await paths(store, folder="raw/a", by_date=by_date) == ["raw/a/2.png", "raw/a/1.png"]
        assert await paths(store, after="raw/a/2.png") == ["raw/a/1.png", "raw/a.png", "raw/A/4.png"]

    async def test_folders_too_deep_are_stepped_over(self, store: Store) -> None:
        await add(store, "a.png", "raw/b.png", "raw/x/c.png", "raw/x/y/d.png", "raw/z/e.png", "z.png")
        for by_date in (True, False):
            found = {depth: await paths(store, depth=depth, by_date=by_date) for depth in (1, 2, 3)}
            assert found[1] == ["z.png", "a.png"]
            assert sorted(found[2]) == ["a.png", "raw/b.png", "z.png"]
            assert len(found[3]) == 5
            assert await paths(store, folder="raw", depth=1, by_date=by_date) == ["raw/b.png"]
            assert await paths(store, depth=1, by_date=by_date, newest_first=False) == ["a.png", "z.png"]

    async def test_folders_are_named_level_by_level(self, store: Store) -> None:
        await add(store, "top.png", "raw/2026/1.png", "raw/2026/2.png", "raw/2027/x/3.png", "Starred/1.png")
        assert await store.images.folders("ann") == ["Starred", "raw"]
        assert await store.images.folders("ann", "raw") == ["raw/2026", "raw/2027"]
        assert await store.images.folders("ann", "raw/2027", 4) == ["raw/2027/x"]
        assert (await store.images.folders("ann", "", 9))[2:] == ["raw/2026", "raw/2027", "raw/2027/x"]
        assert await store.images.folders("bob") == []

    @pytest.mark.parametrize("by_date", [True, False])
    async def test_a_page_reads_as_much_of_a_long_history_as_of_a_short_one(
        self, store: Store, by_date: bool
    ) -> None:
        steps: list[int] = []
        for rows in (400, 20_000):
            await fill(store, rows, 4) if not steps else await fill_more(store, rows)
            steps.append(instructions(store, Asked("ann", "raw", 3, by_date=by_date, most=50)))
        assert steps[1] <= steps[0] * 1.2


async def fill_more(store: Store, rows: int) -> None:
    await store.writer.execute("DELETE FROM images")
    await fill(store, rows, 4)


def instructions(store: Store, asked: Asked) -> int:
    """How many steps SQLite's machine takes for a page."""
    database = store.writer.one("SELECT file FROM pragma_database_list WHERE name = 'main'")
    assert database is not None
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    with sqlite3.connect(database[0]) as db:
        db.set_progress_handler(count, 1)
        found: Page = read_page(db, asked)
    assert len(found.rows) == 50
    return counted


class TestWords:
    async def test_every_word_whole_or_as_a_beginning(self, store: Store) -> None:
        await add(store, "a.png", prompt="A red Circle, Café")
        await add(store, "b.png", prompt="a blue circle")
        assert await paths(store, search="circle") == ["b.png", "a.png"]
        assert await paths(store, search="CIRC red") == ["a.png"]
        assert await paths(store, search="cafe") == ["a.png"]
        assert await paths(store, search="red -blue") == ["a.png"]
        assert await paths(store, search="circle -blue") == ["a.png"]
        assert await paths(store, search="-blue") == ["a.png"]
        assert await paths(store, search='"red circle"') == ["a.png"]
        assert await paths(store, search='"circle red"') == []
        assert await paths(store, search="ircle") == []

    async def test_languages_without_blanks(self, store: Store) -> None:
        await add(store, "a.png", prompt="赤い猫と青い犬")
        assert await paths(store, search="青い犬") == ["a.png"]
        assert await paths(store, search="猫") == ["a.png"]
        assert await paths(store, search="犬猫") == []

    async def test_with_a_folder_stars_and_order(self, store: Store) -> None:
        for number, path in enumerate(("raw/b.png", "raw/x/a.png", "c.png")):
            await store.images.add(image(path, created=number, prompt="red", starred=number > 0))
        assert await paths(store, search="red", folder="raw") == ["raw/x/a.png", "raw/b.png"]
        assert await paths(store, search="red", folder="raw", depth=1) == ["raw/b.png"]
        assert await paths(store, search="red", starred=True, by_date=True) == ["c.png", "raw/x/a.png"]
        assert await paths(store, starred=True, newest_first=False) == ["c.png", "raw/x/a.png"]
        first = await store.images.page(Asked("ann", search="red", most=2, by_date=True))
        assert first.after is not None
        assert await paths(store, search="red", by_date=True, after=first.after) == ["raw/b.png"]

    async def test_a_user_finds_only_their_own(self, store: Store) -> None:
        for user in ("ann", "bob", "b_o"):
            await store.images.add(image("a.png", user=user, prompt="red"))
        assert await paths(store, "bob", search="red") == ["a.png"]
        assert await paths(store, "b", search="red") == []
        assert await paths(store, search="owner bob") == []

    async def test_deleted_and_moved_rows(self, store: Store) -> None:
        await add(store, "a.png", "b.png", prompt="red")
        await store.images.delete("ann", "a.png")
        await store.images.move("ann", "b.png", "c.png")
        assert await paths(store, search="red") == ["c.png"]
        await store.departures.forget_pictures(store.departures.pictures("ann"))
        assert await paths(store, search="red") == []

    async def test_no_sign_is_a_mistake(self, store: Store) -> None:
        await add(store, "a.png", prompt='say "hello" (red:1.2) <lora:x> 100% __wild__')
        random = Random(5)
        signs = string.printable + "\0äß猫́🙂"
        texts = ["".join(random.choices(signs, k=random.randint(1, 30))) for _ in range(300)]
        known = ['"', "*", "-", '""', "AND OR NOT NEAR(", "prompt:red", "red*", "^red", "{}", "a'b", "-" * 99]
        for text in texts + known:
            await store.images.page(Asked("ann", search=text))
        for text in ("(red:1.2)", "<lora:x>", "100%", "__wild__", '"hello', "%", "(", "prompt -lora:z"):
            assert await paths(store, search=text) == (["a.png"] if text != "prompt -lora:z" else []), text

    def test_many_words_are_cut(self) -> None:
        assert (matching("ann", "word " * 9_000) or "").count("prompt") == 32


class TestCatchingUp:
    async def test_rows_from_before_the_index_are_added_without_holding_anybody(self, tmp_path: Path) -> None:
        store = await Store.open(tmp_path / "hub.sqlite3")
        await fill(store, 3_000)
        await store.images.add(image("old.png", prompt="an old one"))
        await store.close()
        with sqlite3.connect(tmp_path / "hub.sqlite3") as db:
            db.execute("DROP TABLE image_words")
        store = await Store.open(tmp_path / "hub.sqlite3")
        await store.images.add(image("new.png", prompt="a new one"))
        await store.images.delete("ann", "raw/0/7.png")
        assert await paths(store, search="new") == ["new.png"]
        longest, done = 0.0, asyncio.create_task(store.images.words.caught_up())
        while not done.done():
            begun = asyncio.get_running_loop().time()
            await asyncio.sleep(0)
            longest = max(longest, asyncio.get_running_loop().time() - begun)
        assert await paths(store, search="old") == ["old.png"]
        assert await paths(store, search="1234") == ["raw/0/1234.png"]
        assert await paths(store, search='"number 7"') == []
        assert longest < 0.5
        await store.writer.execute("INSERT INTO image_words(image_words) VALUES ('integrity-check')")
        await store.close()

    async def test_closing_stops_it_and_the_next_start_goes_on(self, tmp_path: Path) -> None:
        store = await Store.open(tmp_path / "hub.sqlite3")
        await fill(store, 500)
        await store.close()
        with sqlite3.connect(tmp_path / "hub.sqlite3") as db:
            db.execute("DROP TABLE image_words")
        await (await Store.open(tmp_path / "hub.sqlite3")).close()
        store = await Store.open(tmp_path / "hub.sqlite3")
        await store.images.words.caught_up()
        assert len(await paths(store, search="number")) == 500
        await store.close()


async def test_a_long_read_keeps_neither_point_reads_nor_writes_waiting(store: Store) -> None:
    await fill(store, 60_000)
    scan = asyncio.create_task(store.images.page(Asked("ann", search="%%", scanned=60_000)))
    await asyncio.sleep(0)
    done = 0
    while not scan.done():
        assert store.images.exists("ann", f"raw/0/{done + 1}.png")
        await store.images.star("ann", f"raw/0/{done + 1}.png", True)
        done += 1
    assert (await scan).rows == []
    assert done >= 20

"""Pages and searches of a history of 1,000,000 images beside one of 1,000, in the same run."""

import asyncio
import contextlib
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

from bench.cpu import on_one_core
from bench.report import Figure
from hub.media import Gallery, Outputs, Wanted
from hub.store import Asked, Store

LONG, SHORT = 1_000_000, 1_000
FOLDERS = 16
PAGE = 50
ROUNDS = 200
_BULK = 5_000
_COLOURS = ("red", "green", "blue", "golden", "violet", "white", "black")
_THINGS = (
    "castle",
    "river",
    "cat",
    "harbour",
    "forest",
    "portrait",
    "machine",
    "garden",
    "planet",
    "bridge",
    "fox",
)
_ADD = (
    'INSERT INTO images (job, "index", "user", path, created, model, prompt, metadata, width, height, bytes) '
    "VALUES (?, 0, 'local', ?, ?, 'starter', ?, ?, 256, 256, 90000)"
)


class Histories:
    """A long and a short history, each in a database of its own, as the hub opens it."""

    def __init__(self, long: Store, short: Store, folder: Path) -> None:
        self.stores = (long, short)
        self.galleries = tuple(Gallery(Outputs(folder), store.images) for store in self.stores)

    async def ratio(self, read: Callable[[Store, Gallery], Awaitable[object]]) -> tuple[float, float, float]:
        """The long history's time by the short one's, and both in seconds: in turn, the lower quartiles."""
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            for spent, store, gallery in zip(times, self.stores, self.galleries, strict=True):
                begun = time.perf_counter()
                await read(store, gallery)
                spent.append(time.perf_counter() - begun)
        long, short = (statistics.quantiles(one)[0] for one in times)
        return long / short, long, short


async def measure() -> list[Figure]:
    """Fill both, let the words be indexed while a stand-in for the rest of the hub goes on, then compare."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with (
            _opened(folder / "long.sqlite3", LONG) as long,
            _opened(folder / "short.sqlite3", SHORT) as short,
        ):
            figures = [await _catching_up(long)]
            await short.images.words.caught_up()
            histories = Histories(long, short, folder)
            with on_one_core():
                for what, wanted, deep in _LISTS:
                    figures.append(await _compare(histories, what, wanted, deep))
            figures.append(await _search(long))
            return figures


_LISTS = (
    ("first page by name", Wanted(most=PAGE), False),
    ("first page by date", Wanted(most=PAGE, by_date=True), False),
    ("deep page by name", Wanted(most=PAGE), True),
    ("deep page by date", Wanted(most=PAGE, by_date=True), True),
    ("first page of a folder by name", Wanted("raw/07", 1, most=PAGE), False),
    ("first page of a folder by date", Wanted("raw/07", 1, by_date=True, most=PAGE), False),
    ("first page of a folder of folders by date", Wanted("raw", 3, by_date=True, most=PAGE), False),
    ("folders alone, one level down", Wanted("raw", 1, most=PAGE), False),
)


async def _compare(histories: Histories, what: str, wanted: Wanted, deep: bool) -> Figure:
    before = {}
    for store in histories.stores:
        before[store] = await _middle(store, wanted.by_date) if deep else ""

    async def read(store: Store, gallery: Gallery) -> object:
        return await gallery.browse("local", _behind(wanted, before[store]))

    ratio, long, short = await histories.ratio(read)
    return Figure(
        f"ListImages, {what}: 1,000,000 images by 1,000",
        ratio,
        "x",
        floor=1.2,
        aim=1.05,
        ours=f"{long * 1e3:.2f} ms",
        peer=f"{short * 1e3:.2f} ms",
    )


def _behind(wanted: Wanted, before: str) -> Wanted:
    return Wanted(wanted.path, wanted.depth, by_date=wanted.by_date, most=wanted.most, before=before)


async def _middle(store: Store, by_date: bool) -> str:
    """The mark in the middle of a history."""
    count = await store.images.count("local")
    found = store.writer.one("SELECT path, created, id FROM images WHERE id = ?", (count // 2,))
    assert found is not None
    return json.dumps([found[1], found[2]] if by_date else found[0])


async def _search(long: Store) -> Figure:
    """A search for two words of which each is in a tenth of a million prompts."""
    times = []
    for colour in _COLOURS:
        begun = time.perf_counter()
        page = await long.images.page(Asked("local", search=f"{colour} harbour", most=PAGE))
        times.append(time.perf_counter() - begun)
        assert len(page.rows) == PAGE
    plain = await _plain_search(long)
    return Figure(
        "Search for two frequent words in 1,000,000 prompts by a plain scan",
        statistics.median(times) / plain,
        "x",
        floor=0.5,
        aim=0.1,
        ours=f"{statistics.median(times) * 1e3:.0f} ms",
        peer=f"{plain * 1e3:.0f} ms (LIKE over all rows)",
    )


async def _plain_search(store: Store) -> float:
    sql = "SELECT count(*) FROM images WHERE prompt LIKE '%red%' AND prompt LIKE '%harbour%'"
    file = store.writer.one("SELECT file FROM pragma_database_list WHERE name = 'main'")
    assert file is not None

    def scan() -> float:
        begun = time.perf_counter()
        with contextlib.closing(sqlite3.connect(file[0])) as db:
            db.execute(sql).fetchone()
        return time.perf_counter() - begun

    return await asyncio.to_thread(scan)


async def _catching_up(store: Store) -> Figure:
    """How long the loop is held while words are added to the index of a long history."""
    begun = time.perf_counter()
    done = asyncio.ensure_future(store.images.words.caught_up())
    held = []
    while not done.done():
        at = time.perf_counter()
        await asyncio.sleep(0.001)
        held.append(time.perf_counter() - at - 0.001)
    held.sort()
    return Figure(
        "Loop held while words are added to those of 1,000,000 prompts, 99.9th percentile",
        held[int(len(held) * 0.999)] * 1e3,
        "ms",
        floor=50,
        aim=20,
        ours=f"longest {held[-1] * 1e3:.0f} ms, 50,000 prompts in {time.perf_counter() - begun:.0f} s",
    )


@contextlib.asynccontextmanager
async def _opened(database: Path, rows: int) -> AsyncIterator[Store]:
    """A store whose newest images, a twentieth, were written while there was no index of words."""
    store = await Store.open(database)
    known = rows - rows // 20
    for start in range(1, known + 1, _BULK):
        some = [_row(number) for number in range(start, min(start + _BULK, known + 1))]
        await store.writer.write(partial(_add, some))
    await store.close()
    with contextlib.closing(sqlite3.connect(database)) as db, db:
        db.executemany(_ADD, (_row(number) for number in range(known + 1, rows + 1)))
    store = await Store.open(database)
    try:
        yield store
    finally:
        await store.close()


def _add(rows: list[tuple[str, str, int, str, str]], db: sqlite3.Connection) -> int:
    return db.executemany(_ADD, rows).rowcount


def _row(number: int) -> tuple[str, str, int, str, str]:
    """Row `number`; folders fill one after the other, as days do."""
    colour, thing = _COLOURS[number % len(_COLOURS)], _THINGS[number % len(_THINGS)]
    prompt = (
        f"a {colour} {thing} by the {_THINGS[number * 7 % 11]}, number {number}, highly detailed, soft light"
    )
    metadata = json.dumps({"sui_image_params": {"prompt": prompt, "seed": number, "note": "x" * 400}})
    path = f"raw/{number % FOLDERS:02}/{number:07}-{colour}.png"
    return f"{number:032x}", path, 1_700_000_000_000 + number * 1000, prompt, metadata

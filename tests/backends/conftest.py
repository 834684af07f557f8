"""A pool on the echo engine, with everything it says kept."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio

from backends.contract import EngineConfig, ModelRef, Report, Submit, Work
from backends.pool import Pool
from backends.spawn import SpawnOptions
from backends.watch import WatchOptions

ENGINES = Path(__file__).parent / "engines"
MODEL = ModelRef("m", "/nowhere/m")


class Bench:
    """A pool and what it said."""

    def __init__(
        self, watching: WatchOptions | None = None, loopback: bool = False, **settings: str | float
    ) -> None:
        self.reports: list[Report] = []
        self.lost: list[tuple[tuple[str, ...], str]] = []
        self.changes = 0
        self._news = asyncio.Event()
        self.pool = Pool(
            [ENGINES],
            [EngineConfig(0, "echo", settings=dict(settings))],
            lambda _engine, report: self._heard(self.reports, report),
            self._changed,
            lambda _engine, ids, reason: self._heard(self.lost, (ids, reason)),
            spawning=SpawnOptions(threads=1, loopback=loopback),
            watching=watching,
        )

    def _heard(self, where: list, what: object) -> None:  # type: ignore[type-arg]
        where.append(what)
        self._news.set()

    def _changed(self) -> None:
        self.changes += 1
        self._news.set()

    def submit(self, number: int = 0, prompt: str = "x", steps: int = 3) -> str:
        work = Work(f"j:{number}", "u", "s", MODEL, prompt, steps=steps)
        self.pool.send(0, Submit(work))
        return work.id

    def of(self, kind: type, work: str | None = None) -> list[Report]:
        return [r for r in self.reports if isinstance(r, kind) and (work is None or r.id == work)]

    async def until(self, condition: Callable[[], object], seconds: float = 15) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()

    @property
    def status(self) -> str:
        return self.pool.states()[0].status


@pytest_asyncio.fixture
async def make_bench() -> AsyncIterator[Callable[..., "asyncio.Future[Bench]"]]:
    made: list[Bench] = []

    async def make(
        watching: WatchOptions | None = None, loopback: bool = False, **settings: str | float
    ) -> Bench:
        bench = Bench(watching, loopback, **settings)
        made.append(bench)
        await bench.pool.start()
        await bench.pool.ready()
        return bench

    yield make  # type: ignore[misc]
    for bench in made:
        await bench.pool.stop()

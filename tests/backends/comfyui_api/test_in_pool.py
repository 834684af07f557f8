"""The engine as the hub holds it: through the pool, by its type and its settings on the wire."""

import asyncio
from collections.abc import Callable

import pytest

from backends.comfyui_api import link
from backends.contract import Done, EngineConfig, Image, Progress, Report, Submit, Work
from backends.pool import Pool
from backends.watch import WatchOptions
from tests.backends.comfyui_api.bench import MODEL
from tests.comfy.server import Settings
from tests.comfy.serving import Comfy, serving

QUICK = WatchOptions(ping=0.05, silent=5, stuck=20, stall=60, start=10, stop=3, again=0.2)


class Held:
    """A pool with one ComfyUI in it, and what it said."""

    def __init__(self, comfy: Comfy, **settings: str | int | bool) -> None:
        self.reports: list[Report] = []
        self.lost: list[tuple[tuple[str, ...], str]] = []
        self._news = asyncio.Event()
        self.pool = Pool(
            [],
            [EngineConfig(3, "comfyui_api", settings={"Address": comfy.url, **settings})],
            lambda _engine, report: self._heard(report),
            self._news.set,
            lambda _engine, ids, reason: self._lost(ids, reason),
            watching=QUICK,
            server="hub-1",
        )

    def _heard(self, report: Report) -> None:
        self.reports.append(report)
        self._news.set()

    def _lost(self, ids: tuple[str, ...], reason: str) -> None:
        self.lost.append((ids, reason))
        self._news.set()

    def submit(self, work: str, steps: int = 3) -> None:
        wanted = Work(work, "u", "s", MODEL, "a cat", width=64, height=64, steps=steps)
        self.pool.send(3, Submit(wanted))

    def said(self, kind: type[Report]) -> int:
        return sum(1 for one in self.reports if isinstance(one, kind))

    async def until(self, condition: Callable[[], object], seconds: float = 15) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()

    @property
    def status(self) -> str:
        return self.pool.states()[0].status


async def test_a_picture_comes_through_the_pool() -> None:
    async with serving() as comfy:
        held = Held(comfy, OverQueue="2")
        await held.pool.start()
        await held.until(lambda: held.status == "running")
        state = held.pool.states()[0]
        assert state.slots == 3
        assert not state.holds_any
        assert MODEL.name in state.offers["Stable-Diffusion"]
        assert "comfyui" in state.features
        assert "euler" in state.samplers
        held.submit("a:0")
        await held.until(lambda: held.said(Done))
        assert held.said(Image) == 1
        assert held.pool.states()[0].models == (MODEL.name,)
        assert held.pool.states()[0].busy == 0
        await held.pool.stop()


async def test_a_server_that_is_away_shows_as_idle_where_that_is_allowed_and_is_found_again() -> None:
    async with serving() as comfy:
        await comfy.kill()
        held = Held(comfy, AllowIdle=True)
        await held.pool.start()
        await held.until(lambda: held.status == "idle")
        await comfy.start()
        await held.until(lambda: held.status == "running")
        await held.pool.stop()


async def test_works_of_a_server_that_stays_away_go_back_to_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "_BRIDGED", 0.5)
    async with serving(Settings(step_seconds=0.05)) as comfy:
        held = Held(comfy)
        await held.pool.start()
        await held.until(lambda: held.status == "running")
        held.submit("a:0", steps=100)
        await held.until(lambda: held.said(Progress))
        await comfy.kill()
        await held.until(lambda: held.lost)
        assert held.lost[0][0] == ("a:0",)
        await held.pool.stop()

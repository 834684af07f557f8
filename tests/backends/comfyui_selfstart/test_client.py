"""The engine as the pool holds it: a real process that serves the fake ComfyUI, its lives and its deaths."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from backends.comfyui_api.way import HasWay
from backends.comfyui_selfstart.client import SelfStartClient
from backends.comfyui_selfstart.settings import SelfStartSettings
from backends.contract import (
    Cancelled,
    Done,
    EngineConfig,
    EngineState,
    Failed,
    Image,
    Log,
    ModelRef,
    Ready,
    Report,
    Submit,
    Surroundings,
    Work,
)
from backends.pool import Pool
from backends.watch import WatchOptions
from tests.backends.comfyui_selfstart.test_child import STAND_IN, gone

QUICK = WatchOptions(ping=0.05, silent=5, stuck=20, stall=30, start=20, stop=8, again=0.2)


class Bench:
    """A pool with one such engine, and what it said."""

    def __init__(self, **settings: str | bool | int) -> None:
        given: dict[str, str | int | float | bool] = {
            "StartScript": str(STAND_IN),
            "Python": sys.executable,
            **settings,
        }
        self.reports: list[Report] = []
        self.lost: list[str] = []
        self.seen: list[str] = []
        self._news = asyncio.Event()
        self.pool = Pool(
            [],
            [EngineConfig(4, "comfyui_selfstart", settings=given)],
            self._heard,
            self._changed,
            lambda _engine, ids, _reason: self.lost.extend(ids),
            watching=QUICK,
        )

    def _heard(self, _engine: int, report: Report) -> None:
        self.reports.append(report)
        self._news.set()

    def _changed(self) -> None:
        self.seen.append(self.state.status)
        self._news.set()

    @property
    def state(self) -> EngineState:
        return self.pool.states()[0]

    @property
    def lines(self) -> list[str]:
        return [report.text for report in self.reports if isinstance(report, Log)]

    def numbers(self, name: str) -> list[int]:
        """Every number that was printed under this name."""
        return [int(found) for found in re.findall(rf"\b{name}=(\d+)", "\n".join(self.lines))]

    async def until(self, found: Callable[[], object]) -> None:
        """Wait until this is true; looked at with every report and every change."""
        async with asyncio.timeout(60):
            while not found():
                self._news.clear()
                await self._news.wait()

    async def draw(self, number: int = 0) -> Image:
        """The picture of a small work."""
        (model, *_) = self.state.offers["Stable-Diffusion"]
        work = Work(f"job:{number}", "ann", "s", ModelRef(model, ""), "a boat", width=64, height=64, steps=3)
        self.pool.send(4, Submit(work))
        ends = (Done, Failed, Cancelled)
        await self.until(lambda: [r for r in self.reports if isinstance(r, ends) and r.id == work.id])
        found = [r for r in self.reports if isinstance(r, (Image, *ends)) and r.id == work.id]
        assert isinstance(found[0], Image), found
        return found[0]


@contextlib.asynccontextmanager
async def bench(**settings: str | bool | int) -> AsyncIterator[Bench]:
    """The pool started, and stopped afterwards."""
    made = Bench(**settings)
    await made.pool.start()
    try:
        yield made
    finally:
        await made.pool.stop()


async def test_it_starts_offers_its_models_and_draws() -> None:
    async with bench(OverQueue=3, GPU_ID="1", ExtraArgs="--api-key hush") as made:
        await made.until(lambda: made.state.status == "running" and made.state.offers)
        image = await made.draw()
        assert image.data.startswith(b"\x89PNG")
        assert made.state.slots == 4
        (pid,) = made.numbers("pid")
    assert any(line.startswith("cards=1 ") for line in made.lines)
    assert "hush" not in str(made.reports)
    await gone(pid)


async def test_the_way_to_the_server_is_open_while_it_serves() -> None:
    ready = asyncio.Event()

    async def no_key(user: str, kind: str) -> str:
        return ""

    def heard(report: Report) -> None:
        if isinstance(report, Ready):
            ready.set()

    client = SelfStartClient(
        SelfStartSettings(start_script=str(STAND_IN), python=sys.executable), Surroundings(1, heard, no_key)
    )
    assert isinstance(client, HasWay) and client.way() is None
    life = asyncio.create_task(client.run())
    async with asyncio.timeout(60):
        await ready.wait()
    way = client.way()
    assert way is not None and way.address.startswith("http://127.0.0.1:")
    life.cancel()
    await asyncio.wait({life})
    assert client.way() is None


async def test_its_death_is_told_and_it_comes_back() -> None:
    async with bench() as made:
        await made.until(lambda: made.state.status == "running")
        os.kill(made.numbers("pid")[0], signal.SIGKILL)
        await made.until(lambda: made.state.status == "waiting")
        assert "ComfyUI ended by itself (killed by signal 9)" in made.state.reason
        await made.until(lambda: made.state.status == "running")
        await made.draw()
        assert len(set(made.numbers("pid"))) == 2


async def test_without_restarting_it_stays_away_until_asked() -> None:
    async with bench(AutoRestart=False, ExtraArgs="--die 0.3") as made:
        await made.until(lambda: made.state.status == "errored")
        assert "AutoRestart is off" in made.state.reason
        assert "exit code 3" in made.state.reason
        await asyncio.sleep(0.5)
        assert made.state.status == "errored"
        assert len(made.numbers("pid")) == 1


async def test_one_that_cannot_start_is_given_up_with_its_reason() -> None:
    async with bench(ExtraArgs="--fail") as made:
        await made.until(lambda: made.state.status == "errored")
        assert "exit code 1" in made.state.reason
        assert "ModuleNotFoundError: No module named 'torch'" in made.lines
        assert len(made.numbers("pid")) == 3


async def test_a_wrong_path_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    async with bench(StartScript=str(tmp_path / "main.py")) as made:
        await made.until(lambda: made.state.status == "errored")
        assert made.state.reason.startswith("StartScript: there is no file")
        assert str(tmp_path) not in made.state.reason  # every user may read it
        assert any(str(tmp_path) in line for line in made.lines)
        assert made.numbers("pid") == []


@pytest.mark.parametrize("when", [0.0, 0.1])
async def test_stopping_while_it_starts_leaves_nothing(when: float) -> None:
    async with bench(ExtraArgs="--company") as made:
        await asyncio.sleep(when)
    await gone(*made.numbers("pid"), *made.numbers("company"))

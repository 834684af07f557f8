"""The engine in its real worker process, on the starter model."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image as Picture

from backends.contract import Cancel, Cancelled, Done, EngineConfig, Failed, Image, Progress, Submit, Work
from backends.diffusers_local.engine import ENGINE
from backends.loads import EngineTrouble
from backends.pool import Pool
from backends.spawn import SpawnOptions
from tests.backends.diffusers_local.conftest import ref_of

STARTER = ENGINE.builtin_models[0]
NATIVE = ((256, 256), (384, 256), (256, 384))

pytestmark = pytest.mark.skipif(not (STARTER / "model_index.json").is_file(), reason="no starter weights")


class Hall:
    """A pool with the local engine, and all its reports."""

    def __init__(self) -> None:
        self.reports: list[Any] = []
        self.lost: list[tuple[tuple[str, ...], str]] = []
        self._news = asyncio.Event()
        self.pool = Pool(
            [],
            [EngineConfig(0, ENGINE.id)],
            lambda _engine, report: self._hear(self.reports, report),
            self._news.set,
            lambda _engine, ids, reason: self._hear(self.lost, (ids, reason)),
            spawning=SpawnOptions(threads=1),
        )

    def _hear(self, where: list[Any], what: Any) -> None:
        where.append(what)
        self._news.set()

    def submit(self, number: int, **given: Any) -> str:
        standard: dict[str, Any] = {
            "prompt": "a red circle on a blue background",
            "width": 256,
            "height": 256,
            "steps": 16,
            "cfg_scale": 3.0,
            "sampler": "ddim",
            "scheduler": "sgm_uniform",
            "seed": number,
        }
        work = Work(f"w:{number}", "u", "s", ref_of(STARTER, NATIVE), **(standard | given))
        self.pool.send(0, Submit(work))
        return work.id

    def of(self, kind: type, work: str) -> list[Any]:
        return [r for r in self.reports if isinstance(r, kind) and getattr(r, "id", None) == work]

    async def until(self, condition: Any, seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()


@pytest_asyncio.fixture
async def hall() -> AsyncIterator[Hall]:
    made = Hall()
    await made.pool.start()
    yield made
    await made.pool.stop()


async def test_a_picture_killed_in_the_middle_comes_back_and_a_cancelled_one_does_not(hall: Hall) -> None:
    first = hall.submit(1, width=300, height=200)  # before the worker is ready: it waits there
    await hall.until(lambda: hall.of(Done, first))
    image = hall.of(Image, first)[0]
    assert Picture.open(io.BytesIO(image.data)).size == (300, 200)
    assert image.notes["drawn_size"] == "384x256"
    assert hall.pool.states()[0].models == ("weights",)

    running = hall.submit(2, steps=400)
    await hall.until(lambda: hall.of(Progress, running))
    os.kill(hall.pool.processes()[0] or 0, signal.SIGKILL)
    await hall.until(lambda: hall.lost)
    assert hall.lost[0][0] == (running,)
    assert "signal 9" in hall.lost[0][1]

    again, other = hall.submit(3), hall.submit(4, steps=400)
    await hall.until(lambda: hall.of(Done, again))
    hall.pool.send(0, Cancel((other,)))
    await hall.until(lambda: hall.of(Cancelled, other))
    assert not hall.of(Image, other)
    shown = [r.preview for r in hall.of(Progress, other) if r.preview]
    assert Picture.open(io.BytesIO(shown[0])).size == (64, 64)


async def test_three_users_get_their_colours_and_a_broken_model_is_no_death(
    hall: Hall, tmp_path: Path
) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "MusicPipeline"}')
    with pytest.raises(EngineTrouble, match="MusicPipeline"):
        await hall.pool.load(ref_of(tmp_path))
    work = hall.submit(1, sampler="euler", scheduler="ltxv")
    await hall.until(lambda: hall.of(Failed, work))
    assert "ltxv" in hall.of(Failed, work)[0].reason
    works = [hall.submit(n) for n in range(3)]
    await hall.until(lambda: all(hall.of(Done, work) for work in works))
    blue = 0
    for work in works:
        pixels = np.asarray(Picture.open(io.BytesIO(hall.of(Image, work)[0].data))).astype(int)
        border = np.concatenate([pixels[:3].reshape(-1, 3), pixels[-3:].reshape(-1, 3)])
        red, green, most = np.median(border, axis=0)
        blue += bool(most > red + 40 and most > green + 40)
    assert blue >= 2
    assert not hall.lost


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"offload": "all"}, "setting offload is 'all'; it can be none, parts, sequential"),
        ({"device": "cuda:99"}, "setting device is 'cuda:99'"),
        ({"threads": "several"}, "threads"),
    ],
)
async def test_a_wrong_setting_is_told_where_engines_are_listed(settings: dict[str, Any], words: str) -> None:
    news = asyncio.Event()
    config = EngineConfig(0, ENGINE.id, settings=settings)
    pool = Pool([], [config], lambda *_: None, news.set, lambda *_: None, spawning=SpawnOptions(threads=1))
    try:
        await pool.start()
        async with asyncio.timeout(60):
            while not any(words in state.reason for state in pool.states()):
                news.clear()
                await news.wait()
    finally:
        await pool.stop()

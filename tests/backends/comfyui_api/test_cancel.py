"""Stopping works in every state and on every version: none may run on, none of another's may be hit."""

import asyncio
import random

import pytest

from backends.contract import Cancel, Cancelled, Done, Failed, Image, Progress
from tests.backends.comfyui_api.bench import Settings, settled, talking
from tests.comfy.asking import asking, drawing
from tests.comfy.serving import serving

VERSIONS = ("0.33.0", "0.24.0", "0.8.0", "0.4.0", "0.3.56", "0.3.50")


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_running_work_stops_within_a_step(version: str) -> None:
    async with serving(Settings(version=version, step_seconds=0.05)) as comfy, talking(comfy) as bench:
        work = bench.submit(steps=200)
        await bench.until(lambda: bench.of(Progress, work))
        bench.send(Cancel((work,)))
        await bench.ended(work, seconds=5)
        assert bench.ends(work) == [Cancelled(work)]
        await settled(lambda: comfy.memory.running is None and not comfy.memory.pending)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_waiting_work_leaves_the_queue_and_the_running_one_goes_on(version: str) -> None:
    async with serving(Settings(version=version, step_seconds=0.03)) as comfy, talking(comfy) as bench:
        first, second = bench.submit("a:0", steps=20), bench.submit("a:1", steps=20)
        await bench.until(lambda: bench.of(Progress, first))
        await settled(lambda: comfy.memory.pending)
        bench.send(Cancel((second,)))
        await bench.ended(second, seconds=5)
        assert bench.ends(second) == [Cancelled(second)]
        assert not bench.ends(first)
        await bench.ended(first)
        assert bench.of(Done, first)
        assert len(comfy.memory.started) == 1


async def test_a_work_cancelled_before_it_was_posted_never_is() -> None:
    async with serving() as comfy, talking(comfy) as bench:
        work = bench.submit()
        bench.send(Cancel((work,)))
        await bench.ended(work)
        assert bench.ends(work) == [Cancelled(work)]
        assert not comfy.memory.taken


@pytest.mark.parametrize("version", ["0.33.0", "0.8.0", "0.3.50"])
async def test_another_clients_prompt_is_never_hit(version: str) -> None:
    async with (
        serving(Settings(version=version, step_seconds=0.02)) as comfy,
        asking(comfy.url) as other,
        talking(comfy) as bench,
    ):
        await other.post(drawing(steps=30))
        await settled(lambda: comfy.memory.running)
        work = bench.submit(steps=30)
        await settled(lambda: comfy.memory.pending)
        bench.send(Cancel((work,)))
        await bench.ended(work)
        assert (await other.end())[-2][0] != "execution_interrupted"
        assert comfy.memory.started and len(comfy.memory.started) == 1


async def test_an_unknown_work_is_ignored() -> None:
    async with serving() as comfy, talking(comfy) as bench:
        bench.send(Cancel(("nobody:0",)))
        work = bench.submit()
        await bench.ended(work)
        assert bench.of(Done, work)


async def test_an_interrupt_from_elsewhere_is_a_failure_that_may_be_tried_again() -> None:
    async with serving(Settings(step_seconds=0.02)) as comfy, talking(comfy) as bench:
        work = bench.submit(steps=100)
        await bench.until(lambda: bench.of(Progress, work))
        comfy.memory.interrupt.set()
        await bench.ended(work)
        assert bench.of(Failed, work)[0].retry


@pytest.mark.parametrize("version", ["0.33.0", "0.8.0"])
async def test_cancels_at_any_moment_are_never_lost(version: str) -> None:
    """Every work that is cancelled ends soon, and the server is idle afterwards: 60 races."""
    moments = random.Random(5)
    settings = Settings(version=version, step_seconds=0.02, start_gap=0.004)
    async with serving(settings) as comfy, talking(comfy) as bench:
        for number in range(60):
            work = bench.submit(f"race:{number}", steps=500)
            await asyncio.sleep(moments.random() * 0.02)
            bench.send(Cancel((work,)))
            await bench.ended(work, seconds=6)
            assert bench.ends(work) == [Cancelled(work)]
        assert not bench.of(Image)
        await settled(lambda: comfy.memory.running is None and not comfy.memory.pending)

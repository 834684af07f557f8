"""Images that an engine runs and makes no progress with, while it talks on: they go elsewhere, once."""

import asyncio
from pathlib import Path
from typing import Any

from hub.jobs.events import ImageFailed, Requeued
from tests.comfy.server import Settings
from tests.comfy.serving import Comfy, serving
from tests.hub.running import RunningHub, running
from tests.swarm_api.comfying import ASKED, serves, settings, until
from tests.swarm_api.sketching import heard

PATIENCE = {"engines.stuck_seconds": "2"}


def asking(hub: RunningHub, **more: Any) -> "asyncio.Task[Any]":
    return asyncio.create_task(hub.call("GenerateText2Image", **(ASKED | {"donotsave": True} | more)))


async def stuck_at(hub: RunningHub, *servers: Comfy) -> "asyncio.Task[Any]":
    """Ask for an image that gets stuck at the engine 0."""
    servers[0].settings.stuck = 1
    event = asyncio.ensure_future(heard(hub, Requeued, 60))
    answer = asking(hub)
    await until(lambda: servers[0].settings.stuck == 0, seconds=60)
    moved = await event
    assert isinstance(moved, Requeued) and "(backend 0) made no progress with it for" in moved.reason
    return answer


async def test_it_is_stopped_there_and_drawn_elsewhere(tmp_path: Path) -> None:
    async with serving(Settings()) as one, serving(Settings()) as other:
        async with running(tmp_path, settings(one, other, **PATIENCE)) as hub:
            await serves(hub, 2, seconds=60)
            answer = await asyncio.wait_for(await stuck_at(hub, one, other), 60)
            assert len(answer["images"]) == 1
            assert one.memory.ended[0][1] == "error" and one.memory.running is None, "it was interrupted"
            assert [len(comfy.memory.taken) for comfy in (one, other)] == [1, 1]
            again = await asyncio.wait_for(asking(hub), 60)
            assert len(again["images"]) == 1, "both serve on"


async def test_one_that_does_not_let_go_is_left_with_it(tmp_path: Path) -> None:
    async with serving(Settings(deaf=True)) as one, serving(Settings()) as other:
        async with running(tmp_path, settings(one, other, **PATIENCE)) as hub:
            await serves(hub, 2, seconds=60)
            answer = await asyncio.wait_for(await stuck_at(hub, one, other), 60)
            assert len(answer["images"]) == 1
            assert one.memory.running is not None


async def test_without_another_engine_it_fails_in_words(tmp_path: Path) -> None:
    async with serving(Settings(deaf=True)) as one:
        async with running(tmp_path, settings(one, **PATIENCE)) as hub:
            await serves(hub, seconds=60)
            failed = asyncio.ensure_future(heard(hub, ImageFailed, 60))
            answer = await asyncio.wait_for(await stuck_at(hub, one), 60)
            assert "does not let go of it" in answer["error"]
            assert isinstance(await failed, ImageFailed)


async def test_alone_with_an_engine_that_listens_it_is_tried_there_once_more(tmp_path: Path) -> None:
    async with serving(Settings()) as one:
        async with running(tmp_path, settings(one, **PATIENCE)) as hub:
            await serves(hub, seconds=60)
            answer = await asyncio.wait_for(await stuck_at(hub, one), 60)
            assert len(answer["images"]) == 1
            assert len(one.memory.started) == 2


async def test_others_at_the_same_engine_go_on_and_waiting_there_is_no_silence(tmp_path: Path) -> None:
    """The second image waits in the server's own queue for as long as the first is stuck, and then runs."""
    async with serving(Settings(step_seconds=0.3)) as one:
        async with running(tmp_path, settings(one, **{"engines.stuck_seconds": "3"})) as hub:
            await serves(hub, seconds=60)
            first, second = asking(hub, steps=20), asking(hub, steps=20, seed=2)
            for answer in await asyncio.wait_for(asyncio.gather(first, second), 120):
                assert len(answer["images"]) == 1
            assert len(one.memory.started) == 2, "neither was taken away"


async def test_loading_a_model_may_take_longer(tmp_path: Path) -> None:
    """Nothing is said while it loads, for twice as long as a step may take."""
    async with serving(Settings(load_seconds=4.0)) as one:
        async with running(tmp_path, settings(one, **PATIENCE)) as hub:
            await serves(hub, seconds=60)
            answer = await asyncio.wait_for(asking(hub), 60)
            assert len(answer["images"]) == 1
            assert len(one.memory.started) == 1

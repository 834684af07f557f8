"""Pictures drawn by engines elsewhere: what becomes of them when such an engine goes, falls silent, comes."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image as Picture

import backends.pool
from backends.contract import Done, Image, Progress, Started
from backends.watch import WatchOptions
from tests.backends.lighthouse import Lighthouse
from tests.hub.running import RunningHub, running
from tests.swarm_api.sketching import talking

ENGINES = Path(__file__).parents[1] / "backends" / "engines"
WAVE = "sea/wave.safetensors"
ASKED = {"model": WAVE, "prompt": "x", "steps": 2, "width": 64, "height": 64}


def png() -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", (64, 64), "teal").save(file, "PNG")
    return file.getvalue()


class Keeper(Lighthouse):
    """A lighthouse that draws what it is sent, as long as `draws` says."""

    def __init__(self, draws: int = 1000) -> None:
        super().__init__()
        self.draws = draws
        self.begun: list[str] = []

    async def heard_submit(self, work: dict[str, Any]) -> None:
        self.begun.append(work["id"])
        self.say(Started(work["id"], 2), Progress(work["id"], 1, 2))
        if self.draws > 0:
            self.draws -= 1
            self.say(Image(work["id"], png(), "PNG"), Done(work["id"]))


def settings_of(*houses: Lighthouse) -> dict[str, str]:
    lines = ",".join(f"beacon Address={house.address}" for house in houses)
    return {"folders.engines": str(ENGINES), "engines.types": lines}


async def all_running(hub: RunningHub, count: int) -> None:
    async with asyncio.timeout(60):
        while True:
            states = (await hub.call("ListBackends")).values()
            if [state["status"] for state in states] == ["running"] * count:
                return
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def houses() -> AsyncIterator[tuple[Keeper, Keeper]]:
    pair = Keeper(), Keeper()
    for house in pair:
        await house.light()
    yield pair
    for house in pair:
        await house.darken()


async def test_a_model_that_only_an_engine_elsewhere_has_is_drawn_there(
    tmp_path: Path, houses: tuple[Keeper, Keeper]
) -> None:
    async with running(tmp_path, settings_of(houses[0])) as hub:
        await all_running(hub, 1)
        listed = await hub.call("ListModels", path="", depth=5)
        assert WAVE.removesuffix(".safetensors") in " ".join(file["name"] for file in listed["files"])
        async with talking(hub) as talk:
            await talk.ask(**ASKED, images=2)
            await talk.until("socket_intention")
            assert talk.of("error") == [] and len(talk.of("image")) == 2


async def test_an_engine_lost_in_mid_job_keeps_what_it_finished_and_another_draws_the_rest(
    tmp_path: Path, houses: tuple[Keeper, Keeper]
) -> None:
    lost, other = houses
    lost.draws = 1
    async with running(tmp_path, settings_of(lost)) as hub:
        await all_running(hub, 1)
        async with talking(hub) as talk:
            await talk.ask(**ASKED, images=4)
            await talk.until("image")
            new = (await hub.call("AddNewBackend", type_id="beacon"))["id"]
            await hub.call("EditBackend", backend_id=new, settings={"Address": other.address})
            await all_running(hub, 2)
            await lost.darken()
            await talk.until("socket_intention")
            assert talk.of("error") == []
            indices = [frame["batch_index"] for frame in talk.frames if "image" in frame]
            assert sorted(map(int, indices)) == [0, 1, 2, 3]
        assert len(other.begun) == 3 and not set(other.begun) - set(lost.begun)


async def test_a_silent_engine_is_noticed_and_its_work_goes_elsewhere_once(
    tmp_path: Path, houses: tuple[Keeper, Keeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = WatchOptions(ping=0.05, silent=0.5, stuck=1.0, stop=1)
    monkeypatch.setattr(backends.pool, "ELSEWHERE", quick)
    silent, other = houses
    silent.draws = 0
    async with running(tmp_path, settings_of(silent)) as hub:
        await all_running(hub, 1)
        async with talking(hub) as talk:
            await talk.ask(**ASKED, images=1)
            await talk.until("gen_progress")
            new = (await hub.call("AddNewBackend", type_id="beacon"))["id"]
            await hub.call("EditBackend", backend_id=new, settings={"Address": other.address})
            async with asyncio.timeout(60):
                while (await hub.call("ListBackends"))["0"]["status"] != "silent":  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            await talk.until("socket_intention")
            assert talk.of("error") == [] and len(talk.of("image")) == 1
        assert other.begun == silent.begun[:1]


async def test_a_job_waits_over_a_restart_for_an_engine_that_is_not_there_yet(
    tmp_path: Path, houses: tuple[Keeper, Keeper]
) -> None:
    house = houses[0]
    house.draws = 0
    async with running(tmp_path, settings_of(house)) as hub:
        await all_running(hub, 1)
        async with talking(hub) as talk:
            await talk.ask(**ASKED, images=1)
            await talk.until("gen_progress")
    house.draws = 10
    async with running(tmp_path, settings_of(house)) as hub, asyncio.timeout(60):
        while not (await hub.call("ListImages", path="", depth=5))["files"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

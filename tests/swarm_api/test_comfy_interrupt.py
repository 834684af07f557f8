"""Pictures that a ComfyUI server draws, stopped: one, a job, a session, all; at any moment, never in vain."""

import asyncio
import random
from pathlib import Path

import pytest

from hub.jobs import Jobs
from tests.comfy.asking import drawing
from tests.comfy.server import Settings
from tests.comfy.serving import Comfy
from tests.hub.running import RunningHub
from tests.swarm_api.comfying import asked, connected, until
from tests.swarm_api.sketching import Talker, talking

ENDLESS = 400  # steps: with those of STEP seconds nothing ends by itself
STEP = 0.1
INTERRUPTED = "Generation session interrupted."


async def hold(talk: Talker, images: int = 1) -> None:
    """Ask for pictures that never end, and wait for the first to be drawn."""
    await asked(talk, steps=ENDLESS, images=images)
    await talk.until("gen_progress")


def quiet(comfy: Comfy) -> bool:
    """Whether the server has nothing to do."""
    return comfy.memory.remaining() == 0


async def job(hub: RunningHub) -> str:
    """The newest job."""
    listed = (await hub.post("/hub/v1/jobs", {"session_id": hub.session})).json()["jobs"]
    return str(listed[0]["job"])


async def test_all_of_a_session_running_and_waiting(tmp_path: Path) -> None:
    async with connected(tmp_path, Settings(step_seconds=STEP)) as (hub, comfy), talking(hub) as talk:
        await hold(talk, images=6)
        await hub.call("InterruptAll")
        await talk.until("socket_intention")
        assert set(talk.of("error")) == {INTERRUPTED}
        assert talk.of("image") == []
        await until(lambda: quiet(comfy))
        await asked(talk)
        assert await talk.until("image")


async def test_of_two_sessions_only_the_one(tmp_path: Path) -> None:
    async with connected(tmp_path, Settings(step_seconds=STEP)) as (hub, comfy):
        other = await hub.session_as("user")
        async with talking(hub, other) as theirs, talking(hub) as mine:
            await hold(mine)
            await asked(theirs, steps=10)
            await until(lambda: comfy.memory.remaining() == 2)
            await hub.call("InterruptAll")
            assert (await mine.until("error"))["error"] == INTERRUPTED
            assert await theirs.until("image")
            assert theirs.of("error") == []


async def test_one_picture_of_a_job_the_others_go_on(tmp_path: Path) -> None:
    async with connected(tmp_path, Settings(step_seconds=0.01)) as (hub, comfy), talking(hub) as talk:
        await asked(talk, steps=60, images=3)
        await talk.until("gen_progress")
        body = {"session_id": hub.session, "job": await job(hub), "index": 0}
        assert (await hub.post("/hub/v1/jobs/cancel", body)).json() == {"cancelled": 1}
        await talk.until("socket_intention")
        assert sorted(frame["batch_index"] for frame in talk.frames if "image" in frame) == ["1", "2"]
        await until(lambda: quiet(comfy))


async def test_one_that_waits_in_the_servers_queue(tmp_path: Path) -> None:
    async with connected(tmp_path, Settings(step_seconds=STEP)) as (hub, comfy), talking(hub) as talk:
        await hold(talk)
        await asked(talk, steps=ENDLESS, seed=9)
        await until(lambda: comfy.memory.remaining() == 2)
        body = {"session_id": hub.session, "job": await job(hub)}
        assert (await hub.post("/hub/v1/jobs/cancel", body)).json() == {"cancelled": 1}
        await until(lambda: comfy.memory.remaining() == 1)
        assert len(comfy.memory.started) == 1
        await hub.call("InterruptAll")
        await until(lambda: quiet(comfy))


async def test_somebody_elses_prompt_is_never_touched(tmp_path: Path) -> None:
    async with connected(tmp_path, Settings(step_seconds=STEP)) as (hub, comfy), talking(hub) as talk:
        stranger = {"prompt": drawing(steps=20), "client_id": "stranger"}
        await hub.http.post(f"{comfy.url}/prompt", json=stranger)
        await asked(talk, steps=ENDLESS)
        await until(lambda: comfy.memory.remaining() == 2)
        await hub.call("InterruptAll")
        await until(lambda: comfy.memory.remaining() == 1)
        await until(lambda: quiet(comfy))
        (entry,) = comfy.memory.history.values()
        assert entry["status"]["status_str"] == "success"


@pytest.mark.parametrize(
    ("version", "races"),
    [
        ("0.33.0", 25),
        ("0.3.56", 25),
        pytest.param("0.33.0", 500, marks=pytest.mark.long),
        pytest.param("0.8.0", 500, marks=pytest.mark.long),
    ],
)
async def test_races_of_asking_and_stopping_lose_none(tmp_path: Path, version: str, races: int) -> None:
    chance = random.Random(races)
    played = Settings(version=version, step_seconds=STEP, start_gap=0.003)
    async with connected(tmp_path, played) as (hub, comfy), talking(hub) as talk:
        for seed in range(races):
            await asked(talk, steps=ENDLESS, seed=seed + 1)
            # Accepted: an interrupt that comes before it stops nothing.
            await talk.until(lambda frame: frame.get("status", {}).get("waiting_gens") == 1)
            await asyncio.sleep(chance.uniform(0, 0.15))
            await hub.call("InterruptAll")
            await talk.until("socket_intention", seconds=8)  # by itself it would run for 40 s
            assert hub.room(Jobs).counts().idle
            await until(lambda: quiet(comfy), seconds=8)
        assert len(comfy.memory.taken) > races / 4
        assert {status for _, status in comfy.memory.ended} == {"error"}
        assert talk.of("image") == []
        await asked(talk)
        assert await talk.until("image")

"""`kill -9` of a worker and of the hub in mid-work: nothing accepted is lost, nothing made twice."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
import websockets

from backends.pool import Pool
from hub.jobs import Jobs
from hub.jobs.events import Requeued
from tests.hub.running import RunningHub
from tests.swarm_api.outside import outside
from tests.swarm_api.sketching import SMALL, heard, sketching, talking


@sketching
class TestTheWorkerDies:
    @pytest.mark.unchained("the hub behind tries again by itself")
    async def test_the_job_finishes_after_the_restart(self, hub: RunningHub, tmp_path: Path) -> None:
        async with talking(hub) as talk:
            again = asyncio.create_task(heard(hub, Requeued))
            await talk.ask(prompt=f"red crash once {tmp_path / 'mark'}", images=2)
            await talk.until("socket_intention", seconds=40)
            assert talk.of("error") == [] and len(talk.of("image")) == 2
            assert "killed by signal 9" in str(getattr(await again, "reason", ""))

    async def test_after_one_retry_it_fails_with_the_reason(self, hub: RunningHub) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red crash")
            error = await talk.until("error", seconds=40)
            assert "killed by signal 9" in error["error"]
            await talk.ask(prompt="blue")
            assert await talk.until("image", seconds=40)

    async def test_neighbours_of_the_guilty_one_are_finished(self, hub: RunningHub) -> None:
        other = await hub.session_as("user")
        async with talking(hub) as innocent, talking(hub, other) as guilty:
            await innocent.ask(prompt="red slow", images=3, steps=40)
            await innocent.until("gen_progress")
            await guilty.ask(prompt="red slow crash", steps=20)
            error = await guilty.until("error", seconds=60)
            assert "killed by signal 9" in error["error"]
            await innocent.until("socket_intention", seconds=60)
            assert innocent.of("error") == [] and len(innocent.of("image")) == 3

    @pytest.mark.unchained("there is no process to kill")
    async def test_finished_images_of_the_job_are_kept(self, hub: RunningHub) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red slow", images=12, steps=3)
            await talk.until("image")
            pid = hub.room(Pool).processes()[0]
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await talk.until("socket_intention", seconds=40)
            indices = [frame["batch_index"] for frame in talk.frames if "image" in frame]
            assert sorted(map(int, indices)) == list(range(12)) and talk.of("error") == []

    @pytest.mark.unchained("there is no process to kill")
    async def test_an_image_to_be_stopped_is_not_drawn_again(self, hub: RunningHub) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red slow stubborn", steps=100)
            await talk.until("gen_progress")
            pid = hub.room(Pool).processes()[0]
            assert pid is not None
            await hub.call("InterruptAll")
            os.kill(pid, signal.SIGKILL)
            assert (await talk.until("error"))["error"] == "Generation session interrupted."
            assert hub.room(Jobs).counts().idle


@pytest.mark.long
async def test_the_hub_dies_and_goes_on_where_it_was(tmp_path: Path, free_port: int) -> None:
    shown: list[str] = []
    async with outside(tmp_path, free_port) as hub:
        hub.session = session = (await hub.call("GetNewSession"))["session_id"]
        url = f"ws://127.0.0.1:{free_port}/API/GenerateText2ImageWS"
        async with websockets.connect(url, proxy=None) as socket:
            for prompt in ("red slow", "blue slow"):
                asked = {"session_id": session, **SMALL, "prompt": prompt, "images": 8}
                await socket.send(json.dumps(asked))
            async for text in socket:
                frame = json.loads(text)
                shown += [frame["image"]] if "image" in frame else []
                if len(shown) == 3:
                    break
            await hub.kill()
    async with outside(tmp_path, free_port) as hub:
        hub.session = session  # it is still good
        async with asyncio.timeout(60):
            while (await hub.call("GetCurrentStatus"))["status"]["waiting_gens"]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        listed = (await hub.call("ListImages", path="", depth=9))["files"]
    made = [json.loads(file["metadata"])["sui_image_params"] for file in listed]
    assert len(listed) == 16 and len({(params["prompt"], params["seed"]) for params in made}) == 16
    assert {url.removeprefix("View/local/") for url in shown} <= {file["src"] for file in listed}
    home = tmp_path / "outputs" / "local"
    assert list((home / ".pending").iterdir()) == []
    assert len(list(home.rglob("*.png"))) == 16

"""A ComfyUI server and what happens between: lost sockets, restarts, a stalled neighbour, a hub that dies."""

import asyncio
import json
from pathlib import Path

import pytest
import websockets

from tests.comfy.asking import drawing
from tests.comfy.server import Settings
from tests.comfy.serving import serving
from tests.swarm_api.comfying import ASKED, asked, connected, serves, settings, until
from tests.swarm_api.outside import outside
from tests.swarm_api.sketching import talking


class TestTheConnection:
    async def test_lost_in_mid_run_the_picture_is_still_fetched_and_made_once(self, tmp_path: Path) -> None:
        async with connected(tmp_path, Settings(step_seconds=0.05)) as (hub, comfy), talking(hub) as talk:
            comfy.settings.without = ("SaveImageWebsocket",)
            await hub.call("TriggerRefresh", strong=True)
            await until(lambda: comfy.requests.count(("GET", "/object_info")) > 1)
            await asyncio.sleep(0.1)
            await asked(talk, steps=30)
            await talk.until("gen_progress")
            comfy.cut()
            await talk.until("image", seconds=30)
            assert talk.of("error") == []
            assert len(comfy.memory.started) == 1

    async def test_a_picture_lost_with_its_socket_is_drawn_again(self, tmp_path: Path) -> None:
        async with connected(tmp_path, Settings(step_seconds=0.05)) as (hub, comfy), talking(hub) as talk:
            await asked(talk, steps=20, images=2)
            await talk.until("gen_progress")
            comfy.cut()
            await talk.until("socket_intention", seconds=40)
            assert talk.of("error") == []
            assert sorted(frame["batch_index"] for frame in talk.frames if "image" in frame) == ["0", "1"]

    async def test_every_few_pictures_again_and_again(self, tmp_path: Path) -> None:
        async with connected(tmp_path, Settings(step_seconds=0.02)) as (hub, comfy), talking(hub) as talk:
            await asked(talk, steps=5, images=8)
            for _ in range(3):
                await talk.until("image", seconds=30)
                comfy.cut()
            await talk.until("socket_intention", seconds=60)
            assert talk.of("error") == []
            indices = [frame["batch_index"] for frame in talk.frames if "image" in frame]
            assert sorted(indices) == list("01234567")

    async def test_afterwards_there_is_one_socket_again(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as (hub, comfy), talking(hub) as talk:
            comfy.cut()
            await until(lambda: len(comfy.memory.sockets) == 0)
            await until(lambda: len(comfy.memory.sockets) == 1)
            await asked(talk)
            await talk.until("image")


class TestTheServer:
    @pytest.mark.parametrize("down", [0.0, 1.5])
    async def test_restarted_in_mid_run_every_picture_comes_once(self, tmp_path: Path, down: float) -> None:
        async with connected(tmp_path, Settings(step_seconds=0.05)) as (hub, comfy), talking(hub) as talk:
            await asked(talk, steps=20, images=3)
            await talk.until("gen_progress")
            await comfy.restart(down)
            await talk.until("socket_intention", seconds=60)
            assert talk.of("error") == []
            indices = [frame["batch_index"] for frame in talk.frames if "image" in frame]
            assert sorted(indices) == ["0", "1", "2"]
            assert comfy.memory.remaining() == 0

    @pytest.mark.long
    async def test_a_stalled_neighbour_delays_and_does_not_lose(self, tmp_path: Path) -> None:
        played = Settings(step_seconds=0.01, grain=True)
        async with connected(tmp_path, played) as (hub, comfy), talking(hub) as talk:
            address = f"ws://127.0.0.1:{comfy.port}/ws?clientId=stalled"
            async with websockets.connect(address, max_size=None, compression=None, proxy=None, max_queue=1):
                graph = drawing(save="SaveImageWebsocket", width=1024, height=1024, batch_size=6)
                await hub.http.post(f"{comfy.url}/prompt", json={"prompt": graph, "client_id": "stalled"})
                await until(lambda: len(comfy.memory.history) == 1)
                await asked(talk, steps=3)
                await asyncio.sleep(25)
            await talk.until("socket_intention", seconds=60)
            assert talk.of("error") == []
            assert len(talk.of("image")) == 1


@pytest.mark.long
async def test_a_hub_that_dies_finds_its_running_prompt_again(tmp_path: Path, free_port: int) -> None:
    async with serving(Settings(step_seconds=0.2, without=("SaveImageWebsocket",))) as comfy:
        lines = settings(comfy)
        async with outside(tmp_path, free_port, lines) as hub:
            hub.session = session = (await hub.call("GetNewSession"))["session_id"]
            await serves(hub)
            url = f"ws://127.0.0.1:{free_port}/API/GenerateText2ImageWS"
            async with websockets.connect(url, proxy=None, max_size=None) as socket:
                await socket.send(json.dumps({**ASKED, "session_id": session, "steps": 30}))
                async for text in socket:
                    if "gen_progress" in json.loads(text):
                        break
                await hub.kill()
        async with outside(tmp_path, free_port, lines) as hub:
            hub.session = session
            async with asyncio.timeout(60):
                while (await hub.call("GetCurrentStatus"))["status"]["waiting_gens"]:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            listed = (await hub.call("ListImages", path="", depth=9))["files"]
        assert len(listed) == 1
        assert len(comfy.memory.started) == 1

"""A real ComfyUI server, when HUB_TEST_COMFYUI has its address (like http://127.0.0.1:8188): the hub draws
there, and the played server of tests/comfy is held against it.

It must have a Stable Diffusion checkpoint; a tiny one of random weights will do. It is asked for small
pictures only and left as it was, but for files in a folder `hub` of its outputs and inputs.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.comfy.asking import asking, drawing
from tests.comfy.server import Settings
from tests.comfy.serving import serving
from tests.comfy.test_recorded import comparable, recorded, short, without_steps
from tests.hub.running import RunningHub, running
from tests.swarm_api.comfying import asked, serves
from tests.swarm_api.sketching import talking
from tests.swarm_api.test_comfy_engine import drawn, picture, uploaded

ADDRESS = os.environ.get("HUB_TEST_COMFYUI", "").rstrip("/")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not ADDRESS, reason="HUB_TEST_COMFYUI has no address of a ComfyUI server"),
]
PATIENCE = 300.0  # seconds: it may load a large model on a slow machine first


async def told(path: str) -> Any:
    """An answer of the real server."""
    async with httpx.AsyncClient(base_url=ADDRESS, trust_env=False, timeout=60) as http:
        return (await http.get(path)).json()


async def quiet(seconds: float = 20) -> None:
    """Wait until it has nothing to do."""
    async with asyncio.timeout(seconds):
        while (await told("/prompt"))["exec_info"]["queue_remaining"]:  # noqa: ASYNC110 (it tells when asked)
            await asyncio.sleep(0.2)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[RunningHub]:
    """A hub that draws there."""
    lines = {"engines.types": f"comfyui_api Address={ADDRESS}", "engines.start_at_boot": "true"}
    async with running(tmp_path, lines) as hub:
        await serves(hub, seconds=90)
        yield hub


async def model(hub: RunningHub) -> str:
    """A model it has."""
    listed = (await hub.call("ListModels", path="", depth=9))["files"]
    return str(next(one["name"] for one in listed if not one["local"]))


async def test_pictures_of_every_kind_are_drawn(hub: RunningHub) -> None:
    name = await model(hub)
    kinds: list[dict[str, Any]] = [
        {},
        {"images": 2, "seed": 7},
        {"initimage": uploaded((0, 0, 250)), "initimagecreativity": 0.5},
        {"initimage": uploaded((0, 0, 250)), "maskimage": uploaded((255, 255, 255))},
        {"refinercontrolpercentage": 0.4, "refinerupscale": 1.5, "refinermethod": "PostApply"},
        {"clipstopatlayer": -2},
        {"prompt": "a red cat <region:0,0,0.5,1> a blue dog"},
    ]
    loras = (await hub.call("ListModels", path="", depth=9, subtype="LoRA"))["files"]
    if remote := [one["name"] for one in loras if not one["local"]]:
        kinds.append({"loras": remote[0], "loraweights": "0.5"})
    async with talking(hub) as talk:
        for kind in kinds:
            async with asyncio.timeout(PATIENCE):
                await asked(talk, **{"model": name, "steps": 4, **kind})
                frames: list[dict[str, Any]] = []
                while not frames or "socket_intention" not in frames[-1]:
                    frames.append(json.loads(await talk.socket.recv()))
            assert [frame for frame in frames if "error" in frame] == [], kind
            images = [frame for frame in frames if "image" in frame]
            assert len(images) == kind.get("images", 1), kind
            shown = await picture(hub, images[0])
            assert shown.size == ((96, 96) if "refinerupscale" in kind else (64, 64)), kind


async def test_previews_come_where_the_server_can_make_them(hub: RunningHub) -> None:
    version = (await told("/system_stats"))["system"]["comfyui_version"]
    if not Settings(version=version).since(0, 4):
        pytest.skip(f"{version} makes previews only when it was started so")
    async with talking(hub) as talk:
        await drawn(talk, model=await model(hub), steps=6)
        assert any("preview" in part for part in talk.of("gen_progress"))


async def test_what_is_stopped_stops_and_races_lose_none(hub: RunningHub) -> None:
    name = await model(hub)
    async with talking(hub) as talk:
        await drawn(talk, model=name, steps=2)  # loaded now
    for wait in (0.0, 0.01, 0.03, 0.1, 0.3, 0.0, 0.02, 0.05, 0.2, 1.0):
        async with talking(hub) as talk:
            await asked(talk, model=name, steps=400, width=256, height=256, seed=int(wait * 100) + 50)
            await talk.until(lambda frame: frame.get("status", {}).get("waiting_gens"))
            await asyncio.sleep(wait)
            await hub.call("InterruptAll")
            await talk.until("socket_intention", seconds=30)
            assert talk.of("image") == []
        await quiet()


async def test_the_played_server_sends_the_frames_that_the_real_one_sends() -> None:
    version = (await told("/system_stats"))["system"]["comfyui_version"]
    listed = await told("/models/checkpoints")
    seen: list[list[list[str]]] = []
    async with serving(Settings(version=version, models={"checkpoints": listed})) as comfy:
        for address in (ADDRESS, comfy.url):
            frames = []
            async with asking(address) as client:
                # A picture of another size first: what either server had cached is then the same.
                for number, (save, width) in enumerate(
                    (("SaveImage", 72), ("SaveImage", 64), ("SaveImage", 64), ("SaveImageWebsocket", 64))
                ):
                    graph = drawing(9, 3, save, width=width)
                    graph["4"]["inputs"]["ckpt_name"] = listed[0]
                    if save == "SaveImage":
                        graph["9"]["inputs"]["filename_prefix"] = "hub/test/picture"
                    await client.post(graph)
                    async with asyncio.timeout(PATIENCE):
                        shown = await client.end()
                    if number:
                        frames.append(without_steps([short(frame) for frame in shown]))
            seen.append(frames)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("line", recorded("refusals"), ids=lambda line: line["case"])
async def test_the_played_server_refuses_what_the_real_one_refuses(line: dict[str, Any]) -> None:
    stats = (await told("/system_stats"))["system"]
    models = {"checkpoints": await told("/models/checkpoints")}
    answers = []
    async with serving(Settings(version=stats["comfyui_version"], models=models)) as comfy:
        for address in (ADDRESS, comfy.url):
            body = line["body"]
            async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as http:
                content = body if isinstance(body, str) else json.dumps(body)
                answer = await http.post("/prompt", content=content)
            kinds = answer.json() if answer.status_code in (200, 400) else None
            answers.append((answer.status_code, _kinds(kinds)))
    await quiet()
    assert answers[0] == answers[1]


def _kinds(body: Any) -> Any:
    """The sorts of errors of an answer, without the words around them."""
    if body is None:
        return None
    wrong = {
        node: sorted(error["type"] for error in told["errors"])
        for node, told in (body["node_errors"] or {}).items()
    }
    return comparable([body.get("error", {}).get("type"), wrong])

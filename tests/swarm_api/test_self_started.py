"""A hub in a process of its own with a ComfyUI that it starts: set up over the API, drawn with, killed."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.backends.comfyui_selfstart.test_child import STAND_IN, gone, posix_only
from tests.swarm_api.outside import Outside, outside

pytestmark = posix_only
SETTINGS = {"engines.types": "comfyui_selfstart", "engines.start_at_boot": "true"}


async def backend(hub: Outside, found: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The only engine, once this is true of it."""
    async with asyncio.timeout(30):
        while True:
            (told,) = (await hub.call("ListBackends", full_data=True)).values()
            if found(told):
                return dict(told)
            await asyncio.sleep(0.05)


async def lines(hub: Outside) -> str:
    """What the engine has said."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{hub.port}") as client:
        answer = await client.get(
            "/hub/v1/backends/lines", params={"backend_id": 0, "session_id": hub.session}
        )
    return "\n".join(line["text"] for line in answer.json()["lines"])


async def pictures(hub: Outside, **asked: Any) -> list[dict[str, Any]]:
    """Every frame of a request."""
    url = f"ws://127.0.0.1:{hub.port}/API/GenerateText2ImageWS"
    async with websockets.connect(url, proxy=None, max_size=None) as socket:
        await socket.send(json.dumps({"session_id": hub.session, "images": 1, "prompt": "a boat", **asked}))
        return [json.loads(frame) async for frame in socket]


async def test_set_up_drawn_with_and_killed_with_its_hub(tmp_path: Path, free_port: int) -> None:
    async with outside(tmp_path / "data", free_port, SETTINGS) as hub:
        hub.session = (await hub.call("GetNewSession"))["session_id"]
        told = await backend(hub, lambda told: told["status"] == "errored")
        assert "StartScript is empty" in json.dumps(told)

        given = {"StartScript": str(STAND_IN), "Python": sys.executable, "ExtraArgs": "--company"}
        refused = await hub.call("EditBackend", backend_id=0, settings={**given, "AutoUpdate": "aggressive"})
        assert "AutoUpdate" in refused["error"]
        edited = await hub.call("EditBackend", backend_id=0, title="Cellar", settings=given)
        assert "error" not in edited, edited
        await backend(hub, lambda told: told["status"] == "running")

        listed = await hub.call("ListModels", path="", depth=10, subtype="Stable-Diffusion")
        frames = await pictures(hub, model=listed["files"][0]["name"], width=64, height=64, steps=4)
        assert any("image" in frame for frame in frames), frames

        said = await lines(hub)
        pids = [int(pid) for pid in re.findall(r"\b(?:pid|company)=(\d+)", said)]
        assert len(pids) == 2
        hub.process.send_signal(signal.SIGKILL)
        await hub.process.wait()
        await gone(*pids)


async def test_an_orderly_end_of_the_hub_ends_it_too(tmp_path: Path, free_port: int) -> None:
    line = f"comfyui_selfstart StartScript={STAND_IN} Python={sys.executable}"
    async with outside(tmp_path / "data", free_port, {**SETTINGS, "engines.types": line}) as hub:
        hub.session = (await hub.call("GetNewSession"))["session_id"]
        await backend(hub, lambda told: told["status"] == "running")
        (pid,) = re.findall(r"\bpid=(\d+)", await lines(hub))
        hub.process.terminate()
        assert await hub.process.wait() == 0
    await gone(int(pid))


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
async def test_restarting_it_over_the_api_brings_a_new_process(tmp_path: Path, free_port: int) -> None:
    line = f"comfyui_selfstart StartScript={STAND_IN} Python={sys.executable}"
    async with outside(tmp_path / "data", free_port, {**SETTINGS, "engines.types": line}) as hub:
        hub.session = (await hub.call("GetNewSession"))["session_id"]
        await backend(hub, lambda told: told["status"] == "running")
        (pid,) = re.findall(r"\bpid=(\d+)", await lines(hub))
        await hub.call("RestartBackends", backend="0")
        await gone(int(pid))
        await backend(hub, lambda told: told["status"] == "running")
        pids = re.findall(r"\bpid=(\d+)", await lines(hub))
    assert len(pids) == 2 and pids[0] == pid

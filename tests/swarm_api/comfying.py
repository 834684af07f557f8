"""A hub whose only engine is a ComfyUI server of tests/comfy, and what its tests ask it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.comfy.server import Settings
from tests.comfy.serving import Comfy, serving
from tests.hub.running import RunningHub, running
from tests.swarm_api.outside import Outside
from tests.swarm_api.sketching import Talker

ASKED: dict[str, Any] = {
    "images": 1,
    "model": "mini-sd15",
    "prompt": "a red cat",
    "width": 64,
    "height": 64,
    "steps": 4,
    "seed": 1,
}


def settings(*servers: Comfy, **more: str) -> dict[str, str]:
    """The settings of a hub with an engine for each server."""
    lines = ",".join(f"comfyui_api Address={comfy.url}" for comfy in servers)
    return {"engines.types": lines, "engines.start_at_boot": "true", **more}


async def until(holds: Callable[[], Any], seconds: float = 20) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 (it may hold already, and nobody tells)
            await asyncio.sleep(0.01)


async def serves(hub: RunningHub | Outside, count: int = 1, seconds: float = 20) -> None:
    """Wait until so many engines are there to draw."""
    async with asyncio.timeout(seconds):
        while True:
            told = await hub.call("ListBackends")
            if sum(engine["status"] == "running" for engine in told.values()) >= count:
                return
            await asyncio.sleep(0.02)


async def asked(talk: Talker, **params: Any) -> None:
    """Ask for a picture of the mini model."""
    await talk.ask(**{**ASKED, **params})


@asynccontextmanager
async def connected(data: Path, played: Settings | None = None) -> AsyncIterator[tuple[RunningHub, Comfy]]:
    """A hub and its server, when the one serves through the other."""
    async with serving(played or Settings()) as comfy, running(data, settings(comfy)) as hub:
        await serves(hub)
        yield hub, comfy

"""A hub in a process of its own, which a test may kill."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.swarm_api.sketching import SETTINGS

ROOT = Path(__file__).parents[2]


class Outside:
    """A hub in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.session = ""

    async def post(self, path: str, /, **body: Any) -> Any:
        """The answer to a JSON body with our session."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=20) as client:
            answer = await client.post(path, json={"session_id": self.session, **body})
            return answer.json()

    async def call(self, name: str, /, **body: Any) -> Any:
        """The answer of /API/<name>."""
        return await self.post(f"/API/{name}", **body)

    async def answers(self) -> None:
        """Wait until it does."""
        async with asyncio.timeout(60):
            while self.process.returncode is None:
                try:
                    await self.call("GetNewSession")
                    return
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """SIGKILL."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


async def spawn(data: Path, port: int, settings: Mapping[str, str] = SETTINGS) -> Outside:
    """Start a hub, with the sketch engine unless told otherwise; it does not answer yet."""
    environment = {f"HUB_{key.replace('.', '_').upper()}": value for key, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hub", "serve", "--port", str(port), "--data-dir", str(data), "--log-level", "warning"),
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    return Outside(process, port)


@asynccontextmanager
async def outside(data: Path, port: int, settings: Mapping[str, str] = SETTINGS) -> AsyncIterator[Outside]:
    """A hub that answers, stopped at the end unless it was killed."""
    hub = await spawn(data, port, settings)
    try:
        await hub.answers()
        yield hub
    finally:
        if hub.process.returncode is None:
            hub.process.terminate()
            await hub.process.wait()

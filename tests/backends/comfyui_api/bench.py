"""A client on a server that behaves like the recorded ones, with everything it says kept."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from backends.comfyui_api.client import ComfyClient
from backends.comfyui_api.settings import ComfyApiSettings
from backends.contract import (
    Cancelled,
    Command,
    Done,
    Failed,
    ModelRef,
    Ready,
    Report,
    Submit,
    Surroundings,
    Work,
)
from tests.comfy.server import Settings
from tests.comfy.serving import Comfy

MODEL = ModelRef("mini-sd15.safetensors", "")
_Kind = TypeVar("_Kind", bound=Report)


class Bench:
    """One client, one life after another; `reports` are all it said."""

    def __init__(self, address: str, **settings: str | int) -> None:
        self.reports: list[Report] = []
        self._news = asyncio.Event()
        self.client = ComfyClient(
            msgspec.convert({"Address": address, **settings}, ComfyApiSettings),
            Surroundings(0, self._heard, self._key, "a-hub"),
        )
        self.life: asyncio.Task[None] | None = None

    async def _key(self, _user: str, _kind: str) -> str:
        return ""

    def _heard(self, report: Report) -> None:
        self.reports.append(report)
        self._news.set()

    async def begin(self) -> None:
        """Begin a life, and wait until it is ready or has ended."""
        before = len(self.of(Ready))
        self.life = asyncio.create_task(self.client.run())
        self.life.add_done_callback(lambda _: self._news.set())
        await self.until(lambda: len(self.of(Ready)) > before or self.over)

    @property
    def over(self) -> bool:
        return self.life is not None and self.life.done()

    async def end(self) -> None:
        """Break its life off, as the hub does."""
        if self.life is not None:
            self.life.cancel()
            await asyncio.gather(self.life, return_exceptions=True)

    def send(self, command: Command) -> None:
        self.client.handle(command)

    def submit(self, id: str = "job:0", **wanted: object) -> str:
        wanted = {"prompt": "a cat", "width": 64, "height": 64, "steps": 4, "model": MODEL} | wanted
        self.send(Submit(Work(id=id, user="u", session="s", **wanted)))  # type: ignore[arg-type]
        return id

    def of(self, kind: type[_Kind], work: str | None = None) -> list[_Kind]:
        return [
            one
            for one in self.reports
            if isinstance(one, kind) and (work is None or getattr(one, "id", "") == work)
        ]

    def ends(self, work: str) -> list[Report]:
        return [one for kind in (Done, Failed, Cancelled) for one in self.of(kind, work)]

    async def until(self, condition: Callable[[], object], seconds: float = 15) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def ended(self, *works: str, seconds: float = 15) -> None:
        """Wait until all of these have ended."""
        await self.until(lambda: all(self.ends(work) for work in works) or self.over, seconds)


@asynccontextmanager
async def talking(comfy: Comfy, **settings: str | int) -> AsyncIterator[Bench]:
    """A client connected to the server; its life ends with the test."""
    bench = Bench(comfy.url, **settings)
    await bench.begin()
    try:
        yield bench
    finally:
        await bench.end()


async def settled(condition: Callable[[], object], seconds: float = 5) -> None:
    """Wait until something is so that nobody tells."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.005)


__all__ = ["MODEL", "Bench", "Comfy", "Settings", "settled", "talking"]

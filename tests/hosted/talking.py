"""A hosted engine's client as the hub drives it, without the hub: commands down, reports collected."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar
from uuid import uuid4

from backends.contract import (
    Cancelled,
    Client,
    Done,
    Failed,
    Image,
    ModelRef,
    Offers,
    Ready,
    Report,
    Submit,
    Surroundings,
    Work,
)

R = TypeVar("R")
Connect = Callable[[Any, Surroundings], Client]


class Talk:
    """A client while it runs. `keys` are the users' stored keys by user and kind."""

    def __init__(self, connect: Connect, settings: object, keys: dict[tuple[str, str], str]) -> None:
        self.reports: list[Report] = []
        self.keys = keys
        self._came = asyncio.Event()
        self.client = connect(settings, Surroundings(0, self._emit, self._key))

    def _emit(self, report: Report) -> None:
        self.reports.append(report)
        self._came.set()

    async def _key(self, user: str, kind: str) -> str:
        return self.keys.get((user, kind), "")

    async def until(self, found: Callable[[Report], bool]) -> Report:
        """The first report of which this is true."""
        async with asyncio.timeout(60):
            while True:
                self._came.clear()
                for report in self.reports:
                    if found(report):
                        return report
                await self._came.wait()

    async def first(self, kind: type[R]) -> R:
        """The first report of a kind."""
        report = await self.until(lambda report: isinstance(report, kind))
        assert isinstance(report, kind)
        return report

    def submit(self, work: Work) -> None:
        """Hand a work over."""
        self.client.handle(Submit(work))

    async def end(self, work: Work) -> Image | Failed | Cancelled:
        """How a work ended; it ended once."""
        over = (Done, Failed, Cancelled)
        await self.until(lambda report: isinstance(report, over) and report.id == work.id)
        ends = [r for r in self.reports if isinstance(r, (Image, *over)) and r.id == work.id]
        assert len([r for r in ends if isinstance(r, over)]) == 1
        if isinstance(ends[-1], Done):
            assert len(ends) == 2 and isinstance(ends[0], Image)
            return ends[0]
        assert len(ends) == 1 and isinstance(ends[0], Failed | Cancelled)
        return ends[0]

    async def draw(self, work: Work) -> Image:
        """The picture of a work that must succeed."""
        self.submit(work)
        ended = await self.end(work)
        assert isinstance(ended, Image), ended
        return ended

    async def refusal(self, work: Work) -> Failed:
        """The refusal of a work that must fail."""
        self.submit(work)
        ended = await self.end(work)
        assert isinstance(ended, Failed), ended
        return ended


@contextlib.asynccontextmanager
async def talking(
    connect: Connect, settings: object, keys: dict[tuple[str, str], str]
) -> AsyncIterator[Talk]:
    """A client that has said Ready; its life is ended afterwards."""
    talk = Talk(connect, settings, keys)
    life = asyncio.create_task(talk.client.run())
    ready = asyncio.create_task(talk.first(Ready))
    await asyncio.wait({life, ready}, return_when=asyncio.FIRST_COMPLETED)
    if not ready.done():
        ready.cancel()
        await life
    assert isinstance(talk.reports[0], Offers)
    try:
        yield talk
    finally:
        life.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await life


def work(model: str, **options: Any) -> Work:
    """A work of ann's for a model of this name."""
    given = {"prompt": "a red boat", "width": 256, "height": 256, "steps": 20, "cfg_scale": 4.5, "seed": 7}
    return Work(id=uuid4().hex, user="ann", session="s", model=ModelRef(model, ""), **{**given, **options})

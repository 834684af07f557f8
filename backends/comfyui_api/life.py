"""One life of a client: connected to its server, from the first answer to the last."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

from backends.comfyui_api.around import Around
from backends.comfyui_api.calls import BadAnswer
from backends.comfyui_api.frames import Frame, Text
from backends.comfyui_api.job import Job
from backends.comfyui_api.link import Link
from backends.comfyui_api.server import Server
from backends.comfyui_api.settings import ComfyApiSettings, address_of, headers_of
from backends.comfyui_api.stock import Memory, Stock
from backends.comfyui_api.way import Way
from backends.contract import (
    Held,
    Loaded,
    Pong,
    Surroundings,
    Unreachable,
    Work,
)

_GRACE = 10.0  # seconds in which works of an earlier life may come back before their prompts are stopped
_SIGN = 2.0  # seconds between two signs of life made of frames

_log = logging.getLogger(__name__)


class Life:
    """One life. Raises from `run` what ended it; `end` must be awaited after it."""

    def __init__(
        self,
        settings: ComfyApiSettings,
        surroundings: Surroundings,
        memory: Memory,
        left: Mapping[str, str],
    ) -> None:
        """`left` are prompts that an earlier life has left behind, by their work. Raises Misconfigured."""
        self._address, self._headers = address_of(settings), headers_of(settings)
        self._fresh = settings.enable_frontend_dev
        self._emit = surroundings.emit
        self._left = dict(left)
        self._server = Server(self._address, self._headers)
        self._link = Link(self._address, self._headers, hear=self._hear, moved=self._moved)
        self._stock = Stock(self._server, 1 + settings.over_queue, memory, surroundings.emit)
        self._around = Around(
            server=self._server,
            link=self._link,
            emit=surroundings.emit,
            hub=surroundings.server,
            previews=settings.previews,
            info=lambda: self._stock.info,
            stale=self._stock.stale,
            started=self._started,
            errand=self._errand,
        )
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._current = ""
        self._held = ""
        self._signed = 0.0

    # ---- from the first answer to the last -----------------------------------------------------------------

    async def run(self) -> None:
        """Connect, say what there is, and serve until something ends it; see contract.Client."""
        try:
            await self._stock.greet()
            self._task(self._link.run())
            await self._connected()
            await self._stock.look()
        except BadAnswer as trouble:
            raise Unreachable(str(trouble)) from trouble
        self._task(self._stock.keep())
        self._task(self._tidied())
        await self._over

    async def _connected(self) -> None:
        """Wait for the websocket; raises what keeps it from being opened."""
        up = asyncio.ensure_future(self._link.up())
        try:
            await asyncio.wait({up, self._over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
        if self._over.done():
            await self._over

    async def end(self) -> None:
        """Stop everything; prompts on the server go on, to be found again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._over.done() and not self._over.cancelled():
            self._over.exception()  # seen, so that it is not logged as forgotten
        await self._server.close()

    def unfinished(self) -> dict[str, str]:
        """The prompts of works that have not ended, by the work; an earlier life's too."""
        return self._left | {work: job.prompt for work, job in self._jobs.items() if job.prompt}

    def way(self) -> Way | None:
        """The way to the server, None before it has said what it has."""
        if not self._stock.known:
            return None
        return Way(self._address, self._headers, self._stock.info, self._fresh)

    # ---- what is asked -------------------------------------------------------------------------------------

    def submit(self, work: Work) -> None:
        """Draw this."""
        self._left.pop(work.id, None)  # its prompt has the same id again, and is found by it
        job = self._jobs[work.id] = Job(work, self._around)
        self._task(self._drawn(job))

    def cancel(self, work: str) -> None:
        """Stop this, when it is here."""
        job = self._jobs.get(work)
        if job is not None:
            job.cancel()

    def watch(self, work: str, watched: bool) -> None:
        """Whether anybody looks at its previews."""
        job = self._jobs.get(work)
        if job is not None:
            job.watch(watched)

    def free(self) -> None:
        """Let the server unload its models."""
        self._held = ""
        self._errand(self._freed())

    def stale(self) -> None:
        """What is known of the server may no longer be so: look again soon."""
        self._stock.stale()

    async def _drawn(self, job: Job) -> None:
        try:
            await job.run()
        finally:
            if self._jobs.get(job.work.id) is job:
                del self._jobs[job.work.id]

    async def _freed(self) -> None:
        await self._server.free()
        self._emit(Held(()))

    # ---- what is heard -------------------------------------------------------------------------------------

    def _hear(self, frame: Frame) -> None:
        """A frame of the server's; never waits, or the server would have to."""
        if isinstance(frame, Text):
            prompt = self._current = frame.prompt
        else:
            # Without metadata a picture tells nothing of itself: it belongs to what was spoken of last.
            prompt = frame.prompt or self._current
        listener = self._around.prompts.get(prompt)
        if listener is None:
            return
        now = time.monotonic()
        if now - self._signed > _SIGN:
            self._signed = now
            self._emit(Pong(0))
        try:
            listener.hear(frame)
        except Exception:
            _log.exception("a frame about prompt %s could not be taken", prompt)

    def _moved(self) -> None:
        """The connection was made or lost."""
        if self._link.number > 1 and self._link.standing:
            self._held = ""
            self.stale()  # it may be another server by now, with other models
        for job in self._jobs.values():
            job.nudge()

    def _started(self, model: str) -> None:
        """A work of this model begins: the server has it in memory, and may have let go of others."""
        if model and model != self._held:
            self._held = model
            self._emit(Loaded(model, (model,)))

    async def _tidied(self) -> None:
        """Stop what an earlier life left on the server, unless it was asked for again meanwhile."""
        await asyncio.sleep(_GRACE)
        for prompt in tuple(self._left.values()):
            with suppress(Unreachable, BadAnswer):
                await self._server.cancel(prompt)
                await self._server.forget(prompt)
        self._left.clear()

    # ---- tasks ---------------------------------------------------------------------------------------------

    def _task(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it beside; what it raises ends this life."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        trouble = None if task.cancelled() else task.exception()
        if trouble is not None and not self._over.done():
            self._over.set_exception(trouble)

    def _errand(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a thing nobody waits for; that it cannot be done now is no harm."""
        self._task(_quietly(work))


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    with suppress(Unreachable, BadAnswer):
        await work

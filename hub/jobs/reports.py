"""What engines say, turned into transitions and events; what they give, saved.

The only place that starts tasks: one for each picture while it is being saved.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

from backends.contract import (
    Alive,
    Cancelled,
    Done,
    Failed,
    Image,
    Loaded,
    Loading,
    Log,
    Progress,
    Report,
    Started,
)
from hub.jobs import events
from hub.jobs.active import Active
from hub.jobs.floor import Floor
from hub.jobs.onlooker import Onlooker
from hub.jobs.times import Times
from hub.media import Finished, Media, NotSaved, occasion_of, on_the_way
from hub.safety import Safety, Withheld, told_of

NOT_SAVED = "Server failed to save an image."
CHECK_SECONDS = 3.0
"""How long a picture may still be checked once the hub stops."""

TOLD_OF_FAILURES = frozenset({"field", "limit", "permission"})
"""What an engine may add to its reason for not drawing."""

NO_PICTURE = "No images were generated (all refused, or failed - check server logs for details)."
_log = logging.getLogger(__name__)
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Reports:
    """Takes the reports of every engine. `committing(active, state)` is told the end of a job while its last
    image's row is on its way to the store."""

    def __init__(
        self,
        floor: Floor,
        media: Media,
        clock: Callable[[], float],
        committing: Callable[[Active, str], object],
        safety: Safety,
    ) -> None:
        self._floor = floor
        self._media = media
        self._clock = clock
        self._committing = committing
        self.onlooker: Onlooker | None = None
        self._safety = safety
        self.times = Times()
        self._saving: set[asyncio.Task[None]] = set()
        self._checking: set[asyncio.Task[Any]] = set()
        self._handlers: dict[type, Callable[[int, Active, int, Report], None]] = {
            Alive: lambda engine, active, index, report: None,
            Loading: self._loading,
            Started: self._started,
            Progress: self._progress,
            Image: self._image,
            Done: self._done,
            Failed: self._failed,
            Cancelled: self._cancelled,
        }

    async def finish(self) -> None:
        """Wait for the pictures being saved."""
        if self._saving:
            await asyncio.wait(self._saving)

    async def finish_or_leave(self, patience: float = CHECK_SECONDS) -> None:
        """Wait for the pictures being saved, for those still being checked at most `patience` seconds.

        One that is left is neither failed nor kept: its job is not over and draws it again after a restart.
        """
        if self._checking:
            await asyncio.wait(self._checking, timeout=patience)
        for task in tuple(self._checking):
            task.cancel()
        await self.finish()

    def take(self, engine: int, report: Report) -> None:
        """A word of an engine. One about an image that the engine does not hold any more is ignored."""
        handler = self._handlers.get(type(report))
        if handler is None:
            if isinstance(report, Loaded):
                self._floor.seats.speeds.loaded(engine, report.model, report.seconds)
                self.times.loaded(report.seconds)
            elif isinstance(report, Log):
                _log.log(_LEVELS.get(report.level, logging.INFO), "engine %d: %s", engine, report.text)
            return
        item: str = report.id  # type: ignore[union-attr]
        self._floor.seats.sign(engine, item, time.monotonic())
        over = isinstance(report, Done | Failed | Cancelled)
        if over:
            self._floor.release(engine, item, done=isinstance(report, Done))
        found = self._floor.find(item)
        if found is not None and found[0].job.pictures[found[1]].engine == engine:
            handler(engine, *found, report)
        if over:
            self._floor.pump()

    def lost(self, engine: int, items: tuple[str, ...], reason: str) -> None:
        """An engine died with these works unfinished."""
        for item in items:
            self._floor.release(engine, item)
            found = self._floor.find(item)
            if found is not None and found[0].job.pictures[found[1]].engine == engine:
                self._floor.requeue(*found, reason)

    # ---- one kind of report each -------------------------------------------------------------------------

    def _loading(self, engine: int, active: Active, index: int, report: Report) -> None:
        if isinstance(report, Loading) and active.job.load(index):
            active.channel.say(events.Loading, index=index, engine=engine, model=report.model)

    def _started(self, engine: int, active: Active, index: int, report: Report) -> None:
        if isinstance(report, Started) and active.job.start(index):
            active.begun[index] = now = self._clock()
            self.times.begun(now, active.created)
            text = self._media.describe_preview(active.kept.request.of(index), active.works[index])
            active.previews[index] = text
            active.channel.say(events.Started, index=index, engine=engine, steps=report.steps, metadata=text)

    def _progress(self, engine: int, active: Active, index: int, report: Report) -> None:
        if isinstance(report, Progress):
            preview = None if active.kept.checked else report.preview
            active.channel.show(index, report.step, report.steps, preview)

    def _image(self, engine: int, active: Active, index: int, report: Report) -> None:
        if isinstance(report, Image) and report.on_the_way:
            if active.job.pictures[index].at_engine:
                self._begin_saving(self._save_on_the_way(active, index, report))
        elif isinstance(report, Image) and active.job.receive(index):
            self._floor.seats.spent_loading(engine, report.id, report.load_seconds)
            self.times.loaded(report.load_seconds)
            self._begin_saving(self._save(active, index, report))

    def _begin_saving(self, saving: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(saving)
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)

    def _done(self, engine: int, active: Active, index: int, report: Report) -> None:
        if active.job.pictures[index].at_engine:
            self._floor.fail(active, index, NO_PICTURE)

    def _failed(self, engine: int, active: Active, index: int, report: Report) -> None:
        if not isinstance(report, Failed) or not active.job.pictures[index].at_engine:
            return
        if index in active.moving:
            self._floor.cancelled(active, index)
        elif report.retry:
            self._floor.requeue(active, index, report.reason)
        else:
            extra = {key: value for key, value in report.extra.items() if key in TOLD_OF_FAILURES}
            self._floor.fail(active, index, report.reason, **extra)

    def _cancelled(self, engine: int, active: Active, index: int, report: Report) -> None:
        self._floor.cancelled(active, index)

    # ---- saving ------------------------------------------------------------------------------------------

    async def _save(self, active: Active, index: int, image: Image) -> None:
        job = active.job
        try:
            finished = self._finished(active, index, await self._judged(active, image))
            saved = await self._media.save(finished)
        except Withheld as refusal:
            self._floor.fail(active, index, refusal.text, **refusal.extra)
        except NotSaved as trouble:
            _log.error("Image %d of job %s could not be saved: %s", index, job.id, trouble)
            self._floor.fail(active, index, f"{NOT_SAVED} {trouble}", detail=str(trouble))
        except Exception:
            _log.exception("Image %d of job %s could not be saved", index, job.id)
            self._floor.fail(active, index, NOT_SAVED)
        else:
            self.times.made(self._clock(), active.begun.get(index), job.pictures[index].engine)
            job.finish(index)
            if self.onlooker is not None:
                self.onlooker.pictured(finished, saved)
            told = told_of(finished.image)
            active.channel.say(
                events.Imaged, index=index, url=saved.url, metadata=saved.metadata, warnings=told
            )
            self._floor.settle(active)
        self._floor.pump()

    async def _save_on_the_way(self, active: Active, index: int, image: Image) -> None:
        """Keep a picture that came up on the way, if its request wants that; it is nobody's result, so
        nothing depends on whether it could be kept."""
        try:
            image = await self._judged(active, image)
            finished = on_the_way(self._finished(active, index, image), uuid4().hex)
            saved = await self._media.save(finished)
        except NotSaved as trouble:
            _log.error("A picture on the way of job %s could not be saved: %s", active.job.id, trouble)
            return
        except Withheld:
            return
        place, active.passed = active.passed, active.passed + 1
        active.channel.say(
            events.Intermediate, index=index, place=place, url=saved.url, metadata=saved.metadata
        )

    async def _judged(self, active: Active, image: Image) -> Image:
        """The picture as it may be kept and shown. Raises Withheld."""
        if not active.kept.checked:
            return image
        checking = asyncio.get_running_loop().create_task(self._safety.judge(image))
        self._checking.add(checking)
        checking.add_done_callback(self._checking.discard)
        return await checking

    def _finished(self, active: Active, index: int, image: Image) -> Finished:
        job, kept = active.job, active.kept
        now = self._clock()
        begun = active.begun.get(index, now - image.seconds)
        return Finished(
            job=job.id,
            index=index,
            user=job.user,
            request=kept.request.of(index),
            work=active.works[index],
            image=image,
            occasion=occasion_of(active.created, kept.count, index, job.user),
            prepare_seconds=max(0.0, begun - active.created),
            created=int(now * 1000),
            depth=kept.depth,
            unsafe=kept.unsafe,
            preview=None if image.on_the_way else active.previews.pop(index, None),
            committing=lambda: self._hand_over(active, index),
        )

    def _hand_over(self, active: Active, index: int) -> None:
        """An image's row is about to be written: the last one's takes the job's end with it into the same
        transaction, and none is written of a request that was refused meanwhile. Raises NotSaved."""
        if active.refused:
            raise NotSaved("The request was refused.")
        state = active.job.state_after(index)
        if state is not None:
            self._committing(active, state)

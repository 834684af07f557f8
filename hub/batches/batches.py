"""The batches room's front: runs batches, a few pictures at a time, whoever still looks on."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hub.accounts import Caller
from hub.batches.plan import Order, Plan, make_plan, read_plan, write_plan
from hub.batches.source import Unusable, read_source, white_picture
from hub.errors import HubError
from hub.jobs import Go, Intake, Jobs, Run, Runs
from hub.jobs.events import Ended, ImageCancelled, Imaged, ImageFailed, JobEvent
from hub.media import Media
from hub.params import GenRequest, Registry, letters, over_of
from hub.settings import Limits

INTERRUPTED = "Generation session interrupted."
MOST_AT_ONCE = 8
"""Pictures of a batch that are in line or at engines at once: each is held in memory."""

_DEEP = 100
_MOST_LOOKS, _LOOK_SECONDS = 300, 1.0
_SIZES = frozenset(
    ("width", "height", "aspectratio", "sidelength", "rawresolution", "altresolutionheightmultiplier")
)
_WHITE = white_picture()  # stands for the pictures when the rest of a request is checked
_log = logging.getLogger(__name__)


class Drawn(Struct, frozen=True):
    """The result of a file is there; `place` counts files from 0."""

    place: int
    file: str
    request_id: int
    url: str
    metadata: str | None
    warnings: tuple[str, ...] = ()


class Failed(Struct, frozen=True):
    """The result of a file will not come."""

    place: int
    file: str
    text: str
    extra: Mapping[str, Any] = {}


class Moved(Struct, frozen=True):
    """Something went on that changes the counters."""


Told = Drawn | Failed | Moved
Tell = Callable[[Told], None]
_MOVED = Moved()


class Batches:
    """Every batch being run. `allowed` are the folders beyond users' outputs that may be read."""

    def __init__(
        self,
        registry: Registry,
        intake: Intake,
        jobs: Jobs,
        media: Media,
        runs: Runs,
        limits: Limits,
        allowed: tuple[Path, ...] = (),
    ) -> None:
        self._registry = registry
        self._intake = intake
        self._jobs = jobs
        self._media = media
        self._limits = limits
        self._allowed = allowed
        self._runs = runs

    async def plan(self, order: Order, caller: Caller) -> Plan:
        """The batch of an order. Raises HubError or BadInput; nothing was drawn then."""
        plan = await asyncio.to_thread(
            make_plan, order, caller, self._media, self._registry, self._allowed, self._limits.images
        )
        over = over_of((taker, _WHITE) for taker in plan.takers)
        request = await self._intake.read(plan.base, caller, over=over)
        self._jobs.check(request, caller, 1)
        bare = {key: value for key, value in plan.base.items() if letters(key) not in _SIZES}
        own = await self._intake.read(bare, caller, over=over)
        return msgspec.structs.replace(plan, model_size=(own.width, own.height), warnings=request.warnings)

    async def run(self, plan: Plan, caller: Caller, tell: Tell) -> None:
        """Run a batch to its end, which also comes when nobody waits for it any more, or when the hub is
        started anew. Raises HubError."""
        await self._runs.begin(caller, write_plan(plan), self._going(plan, tell))

    def resume(self) -> None:
        """Go on with the batches that an earlier process left. Once the jobs have started."""
        self._runs.resume(lambda row: self._going(read_plan(row.plan), _nobody))

    @property
    def busy(self) -> bool:
        """Whether one of them is not over."""
        return self._runs.busy

    async def forget(self, user: str) -> None:
        """End what a user has going whose account is gone."""
        await self._runs.forget(user)

    async def stop(self) -> None:
        """Begin no further pictures; the next start goes on with all of it."""
        await self._runs.stop()

    def _going(self, plan: Plan, tell: Tell) -> Go:
        """What runs a plan."""

        async def go(run: Run, caller: Caller) -> None:
            megapixels = self._limits.image_megapixels
            await _Batch(plan, caller, run, tell, self._intake, self._jobs, megapixels).go()

        return go


class _Batch:
    """One batch on its way."""

    def __init__(
        self, plan: Plan, caller: Caller, run: Run, tell: Tell, intake: Intake, jobs: Jobs, megapixels: float
    ) -> None:
        self._plan = plan
        self._caller = caller
        self._run = run
        self._tell = tell
        self._intake = intake
        self._jobs = jobs
        self._megapixels = megapixels
        self._room = asyncio.Semaphore(max(1, min(MOST_AT_ONCE, caller.limits.max_t2i_simultaneous)))
        self._interrupted = False

    async def go(self) -> None:
        """Every file in order. Raises HubError when the user interrupts it."""
        if self._run.again:
            await self._until_known()
        async with asyncio.TaskGroup() as group:
            for place, file in enumerate(self._plan.files):
                if self._run.again and self._is_over(place):
                    continue
                await self._room.acquire()
                if self._interrupted:
                    break
                group.create_task(self._one(place, file))
        if self._interrupted:
            raise HubError(INTERRUPTED)

    async def _until_known(self) -> None:
        """After a start engines elsewhere tell of their models only by and by: wait for the batch's own."""
        over = over_of((taker, _WHITE) for taker in self._plan.takers)
        for _ in range(_MOST_LOOKS):
            try:
                await self._intake.read(self._plan.base, self._caller, over=over)
                return
            except HubError:
                await asyncio.sleep(_LOOK_SECONDS)

    def _is_over(self, place: int) -> bool:
        """Whether an earlier process saw the end of the result of a file."""
        name = self._run.name(place)
        found = self._jobs.listing.one(name.job, self._caller.user, sees_all=False)
        if found is None or found[0].finished is None:
            return False
        self._interrupted = self._interrupted or found[0].state == "cancelled"
        return True

    async def _one(self, place: int, file: Path) -> None:
        name = self._run.name(place)
        try:
            if self._jobs.find(name.job, self._caller.user) is None:
                request = await self._request(file)
                limits = msgspec.structs.replace(self._caller.limits, max_outpath_depth=_DEEP)
                deep = msgspec.structs.replace(self._caller, limits=limits)
                await self._jobs.submit(request, deep, watched=False, name=name)
                del request
            await self._follow(name.job, place, file.name)
        except Unusable as bad:
            self._tell(Failed(place, file.name, f"The file '{file.name}' was left out: {bad}."))
        except HubError as refusal:
            self._tell(Failed(place, file.name, f"{file.name}: {refusal.text}", refusal.extra))
        finally:
            self._room.release()

    async def _request(self, file: Path) -> GenRequest:
        order = self._plan.order
        source = await asyncio.to_thread(
            read_source, file, order.mode, self._plan.model_size, order.side, self._megapixels
        )
        pairs = [(taker, source.url) for taker in self._plan.takers]
        if source.size is not None:
            pairs.append(("rawresolution", f"{source.size[0]}x{source.size[1]}"))
        if order.append_name:
            pairs.append(("gridgenpromptadd", file.stem))
        request = await self._intake.read(self._plan.base, self._caller, over=over_of(pairs))
        stem = file.stem.replace("[", "(").replace("]", ")").replace("/", "").replace("\\", "")
        return msgspec.structs.replace(request, path_format=f"{self._plan.folder}/{stem}", save=True)

    async def _follow(self, job: str, place: int, name: str) -> None:
        over = asyncio.Event()

        def hear(event: JobEvent) -> None:
            if isinstance(event, Imaged):
                self._tell(Drawn(place, name, event.request_id, event.url, event.metadata, event.warnings))
            elif isinstance(event, ImageFailed):
                self._tell(Failed(place, name, f"{name}: {event.reason}", event.extra))
            elif isinstance(event, ImageCancelled):
                self._interrupted = True
            elif isinstance(event, Ended):
                over.set()
            self._tell(_MOVED)

        if self._jobs.listen_to_job(job, self._caller.user, hear, previews=False) is not None:
            await over.wait()


def _nobody(told: Told) -> None:
    """Whoever asked is no longer there; what will not come is noted at least."""
    if isinstance(told, Failed):
        _log.warning("A file of an image batch that goes on after a restart failed: %s", told.text)

"""A grid being drawn: its images as ordinary jobs, all in line at once, followed to their ends."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from msgspec import Struct

from hub.accounts import Caller
from hub.errors import HubError
from hub.grids.cells import Cell
from hub.jobs import Job, Jobs, Run
from hub.jobs.events import Ended, ImageCancelled, Imaged, ImageFailed, JobEvent
from hub.params import GenRequest

_AT_ONCE = 32  # requests handed over together, so that they are written together


class Drawn(Struct, frozen=True):
    """The image of a cell is there; `place` counts them from 1."""

    place: int
    request_id: int
    url: str
    metadata: str | None
    warnings: tuple[str, ...] = ()


class Failed(Struct, frozen=True):
    """The image of a cell will not come."""

    place: int
    text: str
    extra: Mapping[str, Any] = {}


class Moved(Struct, frozen=True):
    """Something went on that changes the counters."""


Told = Drawn | Failed | Moved
Tell = Callable[[Told], None]
_MOVED = Moved()


class Drawing:
    """The images of one grid. `urls` are those that came, by their cells' paths."""

    def __init__(self, jobs: Jobs, caller: Caller, run: Run, tell: Tell, *, go_on: bool) -> None:
        self._jobs = jobs
        self._run = run
        self._caller = caller
        self._tell = tell
        self._go_on = go_on
        self._open: set[str] = set()
        self._over = asyncio.Event()
        self._stopped = False
        self.urls: dict[str, str] = {}
        self.failed: list[Failed] = []
        self.interrupted = False

    async def draw(self, drawn: Sequence[tuple[Cell, GenRequest]]) -> None:
        """Hand every image over that was not yet, and wait until each has its end."""
        numbered = list(enumerate(drawn, 1))
        if self._run.again:
            numbered = [(place, one) for place, one in numbered if not self._take_up(place, one[0])]
        for start in range(0, len(numbered), _AT_ONCE):
            if self._stopped or self.interrupted:
                break
            some = numbered[start : start + _AT_ONCE]
            taken = await asyncio.gather(
                *(self._submit(place, request) for place, (_, request) in some), return_exceptions=True
            )
            for (place, (cell, _)), job in zip(some, taken, strict=True):
                self._follow(place, cell, job)
        while self._open:
            self._over.clear()
            await self._over.wait()

    def _submit(self, place: int, request: GenRequest) -> Coroutine[Any, Any, Job]:
        return self._jobs.submit(request, self._caller, watched=False, name=self._run.name(place))

    def _take_up(self, place: int, cell: Cell) -> bool:
        """Whether an earlier process had accepted the image of a cell; it is followed, or its end counts."""
        job = self._run.name(place).job
        found = self._jobs.listing.one(job, self._caller.user, sees_all=False)
        if found is None:
            return False
        image = found[0].images[0]
        if found[0].finished is None:
            self._listen(place, cell, job)
        elif image.state == "failed":
            self._fail(Failed(place, image.error or found[0].error))
        elif image.state == "cancelled":
            self.interrupted = True
        elif image.image is not None:
            self.urls[cell.path] = image.image
        return True

    def _follow(self, place: int, cell: Cell, job: Job | BaseException) -> None:
        if isinstance(job, HubError):
            self._fail(Failed(place, job.text, job.extra))
            return
        if isinstance(job, BaseException):
            raise job
        self._listen(place, cell, job.id)
        if self._stopped:
            self._jobs.interrupt(user=self._caller.user, job=job.id)

    def _listen(self, place: int, cell: Cell, job: str) -> None:
        self._open.add(job)

        def hear(event: JobEvent) -> None:
            self._hear(place, cell, event)

        if self._jobs.listen_to_job(job, self._caller.user, hear, previews=False) is None:
            self._end(job)  # it ended so long ago that it is forgotten

    def _hear(self, place: int, cell: Cell, event: JobEvent) -> None:
        if isinstance(event, Imaged):
            self.urls[cell.path] = event.url
            self._tell(Drawn(place, event.request_id, event.url, event.metadata, event.warnings))
        elif isinstance(event, ImageFailed):
            self._fail(Failed(place, event.reason, event.extra))
        elif isinstance(event, ImageCancelled):
            self.interrupted = self.interrupted or not self._stopped
        elif isinstance(event, Ended):
            self._end(event.job)
        self._tell(_MOVED)

    def _end(self, job: str) -> None:
        self._open.discard(job)
        self._over.set()

    def _fail(self, failed: Failed) -> None:
        self.failed.append(failed)
        self._tell(failed)
        if not self._go_on and not self._stopped:
            self._stopped = True
            asyncio.get_running_loop().call_soon(self._stop)

    def _stop(self) -> None:
        for job in tuple(self._open):
            self._jobs.interrupt(user=self._caller.user, job=job)

"""GenerateText2Image and GenerateText2ImageWS (swarm-api §4): the same job, collected or streamed."""

import asyncio
import logging
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from hub.accounts import Caller
from hub.errors import HubError
from hub.jobs import Counts, Intake, Job, Jobs, Unsubscribe
from hub.jobs.events import Ended, ImageCancelled, Imaged, ImageFailed, Intermediate, JobEvent
from hub.media import Media
from hub.params import letters
from hub.routes.t2i.mini_grid import INDEX, MiniGrid
from hub.routes.t2i.shape import CLOSE_INTENT, INTERRUPTED, KEEP_ALIVE, Shape, error_frame
from hub.wire import Body, Stream, api, encode

PREVIEWS = "previews"
LATEST = 1 << 62
REUSE_SECONDS = 2.0
KEEP_ALIVE_SECONDS = 30.0
BROKEN = "Something went wrong while generating images."
NO_IMAGES = "No images were generated (all refused, or failed - check server logs for details)."
_log = logging.getLogger(__name__)


class GenerateIn(Struct, frozen=True):
    """A request: how many `images`, and every parameter by its id at the root of the body."""

    images: Annotated[int, Meta(description="How many images.")]
    raw: Annotated[Body, Meta(description="Parameters by id (see ListT2IParams), presets, extra_metadata.")]


class GenerateOut(Struct, frozen=True):
    """`images` are addresses or data URLs, in the order they were finished; with `outputintermediateimages`
    those on the way too. `warnings` tell what was left out of the request, and which pictures are blurred,
    where something was."""

    images: list[str]
    warnings: list[str] | UnsetType = UNSET


@api("GenerateText2Image", permission="basic_image_generation", active=True)
async def generate(
    caller: Caller, given: GenerateIn, jobs: Jobs, intake: Intake, media: Media
) -> GenerateOut:
    """Generate images and answer once all of them are done.

    The first error replaces everything. The work goes on when the client leaves.
    """
    request = await intake.read(given.raw, caller)
    job = await jobs.submit(request, caller, watched=False)
    grid = MiniGrid(request, job, caller, media)
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    images: list[str] = []
    errors: list[HubError] = []
    warnings = dict.fromkeys(request.warnings)

    def hear(event: JobEvent) -> None:
        grid.hear(event)
        if isinstance(event, Imaged | Intermediate):
            images.append(event.url)
            if isinstance(event, Imaged):
                warnings.update(dict.fromkeys(event.warnings))
        elif isinstance(event, ImageFailed):
            extra: dict[str, Any] = dict(event.extra)
            errors.append(HubError(event.reason, **extra))
        elif isinstance(event, ImageCancelled) and event.was_running:
            errors.append(HubError(INTERRUPTED))
        elif isinstance(event, Ended) and not over.done():
            over.set_result(None)

    leave = jobs.listen_to_job(job.id, caller.user, hear, previews=False)
    try:
        await over
    finally:
        if leave is not None:
            leave()
    if errors:
        raise errors[0]
    if not images:
        raise HubError(INTERRUPTED if job.state == "cancelled" else NO_IMAGES)
    if grid.wanted and (whole := await grid.make()) is not None:
        images.append(whole.url)
    return GenerateOut(images, list(warnings) or UNSET)


@api("GenerateText2ImageWS", permission="basic_image_generation", active=True, socket=True)
async def generate_streamed(
    caller: Caller, given: GenerateIn, stream: Stream, jobs: Jobs, intake: Intake, media: Media
) -> msgspec.Raw:
    """Generate images and stream status, progress, previews and images as they come.

    Further requests may follow on the same socket; closing it never cancels work. A request, or a later frame
    of nothing else, may say `"previews": false`: nobody looks at previews here, and none need be made until
    a frame says true.
    """
    talk = Talk(caller, stream, jobs, intake, media)
    try:
        await talk.hold(given.raw)
    finally:
        talk.leave()
    return msgspec.Raw(jobs.status_frame(jobs.counts(session=caller.session)))


class Talk:
    """One conversation: several requests, each a job, their frames as they come, and the way to its end."""

    def __init__(self, caller: Caller, stream: Stream, jobs: Jobs, intake: Intake, media: Media) -> None:
        self._caller = caller
        self._stream = stream
        self._jobs = jobs
        self._intake = intake
        self._media = media
        self._grids: set[asyncio.Task[None]] = set()
        self._promised = 0
        self._unsaid: list[bytes] = []
        self._open: dict[str, Unsubscribe] = {}
        self._looking: dict[str, Unsubscribe] | None = {}  # None: nobody looks at previews
        self._being_read = 0
        self._limit: asyncio.Timeout | None = None
        self._alive: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    async def hold(self, first: dict[str, Any]) -> None:
        """Take requests until two seconds passed with nothing to do. Raises Closed when the client leaves."""
        self._alive = self._loop.call_later(KEEP_ALIVE_SECONDS, self._stay)
        try:
            async with asyncio.timeout(None) as limit:
                self._limit = limit
                await self._take(first)
                while True:
                    await self._take(await self._next())
        except TimeoutError:
            if self._limit is None or not self._limit.expired():
                raise

    async def _next(self) -> dict[str, Any]:
        """The next request object; a frame that is none is answered and disturbs nothing."""
        while True:
            try:
                return await self._stream.receive()
            except HubError as refusal:
                self._say(encode(refusal.body()))

    async def _take(self, raw: dict[str, Any]) -> None:
        """Start one request; a refusal is an error frame and the socket lives on."""
        raw = {key: value for key, value in raw.items() if key != "session_id"}
        if isinstance(look := raw.pop(PREVIEWS, None), bool):
            self._look(look)
            if not raw:
                return
        self._being_read += 1
        if self._limit is not None:
            self._limit.reschedule(None)
        try:
            self._caller = self._intake.now(self._caller)  # a role may have changed on the open socket
            request = await self._intake.read(raw, self._caller)
            forwarded = list(request.given) if _wants_data(raw) else None
            job = await self._jobs.submit(request, self._caller, watched=self._looking is not None)
            self._follow(job, MiniGrid(request, job, self._caller, self._media), forwarded)
        except HubError as refusal:
            self._say(encode(refusal.body()))
        except Exception:
            _log.exception("A request on a generation socket broke")
            self._say(error_frame(BROKEN, {"error_id": "internal_error"}))
        finally:
            self._being_read -= 1
            self._rest()

    def _follow(self, job: Job, grid: MiniGrid, forwarded: list[str] | None) -> None:
        session = self._caller.session

        def status_of(mine: Counts) -> bytes:
            counts = self._jobs.counts(session=session)
            counts = counts.without(job.counts)
            counts.change(mine.waiting_gens, mine.loading_models, mine.waiting_backends, mine.live_gens)
            return self._jobs.status_frame(counts)

        shape = Shape(self._promised, job.request_id, status_of, forwarded)
        self._promised += len(job.pictures)

        def hear(event: JobEvent) -> None:
            grid.hear(event)
            if type(event) is Ended and grid.wanted:
                task = self._loop.create_task(self._show(grid, shape, event), name="mini-grid")
                self._grids.add(task)
                task.add_done_callback(self._grids.discard)
                return
            for frame, key in shape.frames(event):
                self._say(frame, key)
            if type(event) is Ended:
                self._finished(job.id)

        self._open[job.id] = _nothing
        leave = self._jobs.listen_to_job(job.id, self._caller.user, hear, previews=False)
        if job.id in self._open and leave is not None:
            self._open[job.id] = leave
        if self._looking is not None:
            self._look_at(job.id)

    def _look(self, look: bool) -> None:
        """From now on somebody looks at previews here, or nobody does."""
        if look == (self._looking is not None):
            return
        before, self._looking = self._looking or {}, {} if look else None
        for leave in before.values():
            leave()
        if look:
            for job in self._open:
                self._look_at(job)

    def _look_at(self, job: str) -> None:
        """Be one for whom previews of a job are made; what is heard of it is heard already."""
        if self._looking is not None and job in self._open:
            leave = self._jobs.listen_to_job(job, self._caller.user, _ignore, after=LATEST)
            self._looking[job] = leave or _nothing

    async def _show(self, grid: MiniGrid, shape: Shape, end: Ended) -> None:
        """The grid of a request's pictures, then its end."""
        whole = await grid.make()
        if whole is not None:
            self._say(shape.picture(whole.url, whole.metadata, INDEX))
        for frame, key in shape.frames(end):
            self._say(frame, key)
        self._finished(end.job)

    def _say(self, frame: bytes, key: str | None = None) -> None:
        """Send a frame; those of one turn of the loop go out together, previews (with a key) on their own."""
        if key is not None:
            self._flush()
            self._stream.push(frame, key=key)
            return
        if not self._unsaid:
            self._loop.call_soon(self._flush)
        self._unsaid.append(frame)

    def _flush(self) -> None:
        if self._unsaid:
            frames, self._unsaid = self._unsaid, []
            self._stream.push_many(frames)

    def _finished(self, job: str) -> None:
        self._open.pop(job, _nothing)()
        (self._looking or {}).pop(job, _nothing)()
        self._rest()

    def _rest(self) -> None:
        """With nothing left to do, say so and give the client two seconds to ask for more."""
        if self._open or self._being_read or self._limit is None or self._limit.expired():
            return
        self._say(CLOSE_INTENT)
        self._limit.reschedule(self._loop.time() + REUSE_SECONDS)

    def _stay(self) -> None:
        if self._open:
            self._say(KEEP_ALIVE)
        self._alive = self._loop.call_later(KEEP_ALIVE_SECONDS, self._stay)

    def leave(self) -> None:
        """Stop listening; the work goes on."""
        for unsubscribe in (*self._open.values(), *(self._looking or {}).values()):
            unsubscribe()
        self._open.clear()
        self._looking = None
        self._flush()
        if self._alive is not None:
            self._alive.cancel()


def _wants_data(raw: dict[str, Any]) -> bool:
    """Whether a SwarmUI in front of us asks which parameters were used."""
    return any(
        str(value).lower() == "true" for key, value in raw.items() if letters(key) == "forwardswarmdata"
    )


def _ignore(event: JobEvent) -> None:
    """Hear of a job what another listener of the same socket has heard."""


def _nothing() -> None:
    """What there is to leave before anything is listened to."""

"""The caller's own jobs: list them, watch them from anywhere, stop one or a single image of one."""

from base64 import b64encode
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.errors import BadInput, HubError
from hub.jobs import Jobs, JobView
from hub.jobs.events import Imaged, JobEvent, Progressed, Started
from hub.wire import Body, Closed, Stream, encode, own


class JobsOut(Struct, frozen=True):
    """`run` changes when the hub restarts: event numbers count from 1 again then. `jobs` newest first."""

    run: str
    jobs: list[JobView]


class WatchIn(Struct, frozen=True):
    """What to be told. `after` in the body maps job ids to the number of the last event seen, to get what was
    missed since; `run` is the one those numbers came from."""

    previews: Annotated[bool, Meta(description="Whether previews are sent.")] = True
    run: Annotated[str, Meta(description="The `run` that the numbers in `after` belong to.")] = ""
    raw: Annotated[Body, Meta(description="`after`: {job id: number of the last event seen}.")] = {}


class CancelIn(Struct, frozen=True):
    """Which job, and which image of it (counting from 0; left out: all)."""

    job: Annotated[str, Meta(description="The job's id.")]
    index: Annotated[int | None, Meta(description="One image of the job; left out: all of it.")] = None


class CancelOut(Struct, frozen=True):
    """How many images are being stopped."""

    cancelled: int


@own("/jobs", permission="basic_image_generation")
async def list_jobs(caller: Caller, jobs: Jobs) -> JobsOut:
    """List the caller's unfinished and lately finished jobs, newest first."""
    return JobsOut(jobs.run, jobs.views(caller.user))


@own("/jobs/cancel", permission="basic_image_generation")
async def cancel_job(caller: Caller, given: CancelIn, jobs: Jobs) -> CancelOut:
    """Stop one job of the caller, or one image of it; others go on."""
    found = jobs.find(given.job, caller.user)
    if found is None:
        raise HubError("You have no unfinished job of that id.", field="job")
    if given.index is not None and not 0 <= given.index < len(found.pictures):
        raise BadInput(
            f"Job {given.job} has no image {given.index}.", field="index", limit=[0, len(found.pictures) - 1]
        )
    return CancelOut(jobs.interrupt(user=caller.user, job=given.job, image=given.index))


@own("/jobs/watch", permission="basic_image_generation", socket=True)
async def watch_jobs(caller: Caller, given: WatchIn, stream: Stream, jobs: Jobs) -> None:
    """Stream everything that happens to the caller's jobs, from every tab and client.

    The first frame lists the jobs as they stand; then come numbered events (`event` names the kind). With
    `after` the events missed since are sent right behind the list, where the hub still has them.
    """

    def hear(event: JobEvent) -> None:
        if type(event) is Progressed:
            if given.previews or event.preview is None:
                stream.push(FRAMES.of(event), key=f"{event.job}:{event.index}")
        else:
            stream.push(FRAMES.of(event))

    stream.push(encode(JobsOut(jobs.run, jobs.views(caller.user))))
    for job, number in _numbers(given, jobs.run).items():
        if not jobs.replay(job, caller.user, hear, number):
            stream.push(encode({"event": "gone", "job": job}))
    leave = jobs.listen_to_user(caller.user, hear, previews=given.previews)
    try:
        while True:
            await _ignore(stream)
    except Closed:
        return
    finally:
        leave()


async def _ignore(stream: Stream) -> None:
    """Whatever a watcher sends is not read; a malformed frame is nothing special."""
    try:
        await stream.receive()
    except HubError:
        return


def _numbers(given: WatchIn, run: str) -> dict[str, int]:
    after = given.raw.get("after")
    if after is None or given.run != run:
        return {}
    if not isinstance(after, dict) or not all(type(number) is int for number in after.values()):
        raise BadInput("`after` must map job ids to whole numbers.", field="after", limit="{job id: number}")
    return after


class Frames:
    """An event as JSON text, made once for all sockets that watch."""

    def __init__(self) -> None:
        self._event: JobEvent | None = None
        self._frame = b""

    def of(self, event: JobEvent) -> bytes:
        """The frame of an event."""
        if event is not self._event:
            self._event, self._frame = event, _frame(event)
        return self._frame


FRAMES = Frames()


def _frame(event: JobEvent) -> bytes:
    fields: dict[str, Any] = {"event": event.__struct_config__.tag, **msgspec.structs.asdict(event)}
    fields["session"] = event.session[:8]
    fields["request_id"] = str(event.request_id)
    if isinstance(event, Progressed):
        preview = fields.pop("preview")
        if preview is not None:
            body = encode(fields)
            return b'%b,"preview":"data:image/jpeg;base64,%b"}' % (body[:-1], b64encode(preview))
    elif isinstance(event, Imaged):
        fields["image"] = fields.pop("url")
    elif isinstance(event, Started) and not event.metadata:
        del fields["metadata"]
    return encode(fields)

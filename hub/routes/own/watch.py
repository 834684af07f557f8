"""The sockets on which everything that happens to the caller's jobs is told, from every tab and client."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.errors import BadInput, HubError
from hub.jobs import Jobs, JobView, Unsubscribe
from hub.jobs.events import JobEvent, Progressed
from hub.routes.own.frames import BLIND, FRAMES, PREVIEWS
from hub.routes.own.queue import JobsOut
from hub.wire import Body, Closed, Stream, encode, own

LOOKS = ("data", "binary", "none")


class EventsIn(Struct, frozen=True):
    """Where to go on: the `run` and the `seq` seen last; without them, or when what came since is gone, a
    snapshot comes first."""

    run: Annotated[str, Meta(description="The `run` that `after` belongs to.")] = ""
    after: Annotated[int, Meta(ge=-1, le=2**53, description="The last `seq` seen; -1: none.")] = -1
    previews: Annotated[
        str,
        Meta(description="How previews come: `data` (a data URL in JSON), `binary` messages, or `none`."),
    ] = "data"


class Snapshot(Struct, frozen=True, tag_field="event", tag="snapshot"):
    """All jobs as they stand after event `seq`."""

    run: str
    seq: int
    paused: bool
    jobs: list[JobView]


class Resumed(Struct, frozen=True, tag_field="event", tag="resumed"):
    """Nothing was missed but the events that follow; `seq` is the number that was named."""

    run: str
    seq: int


class WatchIn(Struct, frozen=True):
    """What to be told. `after` in the body maps job ids to the number of the last event seen, to get what was
    missed since; `run` is the one those numbers came from."""

    previews: Annotated[bool, Meta(description="Whether previews are sent.")] = True
    run: Annotated[str, Meta(description="The `run` that the numbers in `after` belong to.")] = ""
    raw: Annotated[Body, Meta(description="`after`: {job id: number of the last event seen}.")] = {}


@own("/events", permission="basic_image_generation", socket=True)
async def stream_events(caller: Caller, given: EventsIn, stream: Stream, jobs: Jobs) -> None:
    """Stream every event of all of the caller's jobs in one numbered row.

    Each event has `seq`, going up by one. A client that comes back names the last one it saw: the first frame
    is `resumed`, and exactly what was missed follows; or it is a `snapshot` of all jobs, and events go on
    from its `seq`. Progress (`progressed`) carries the `seq` of the event before it and may be skipped on a
    slow line; the newest of every running image is sent at once to who has just come. With
    `previews: "binary"` a preview is a binary message: four bytes of length (big endian), so many bytes of
    JSON, then the JPEG.
    """
    if given.previews not in LOOKS:
        raise BadInput("`previews` must be data, binary or none.", field="previews", limit=list(LOOKS))
    user, binary, looks = caller.user, given.previews == "binary", given.previews != "none"

    def hear(event: JobEvent) -> None:
        number = jobs.number(user)
        if type(event) is not Progressed:
            stream.push(FRAMES.numbered(event, number))
        else:
            key = f"{event.job}:{event.index}"
            if event.preview is not None and binary:
                stream.push(PREVIEWS.of(event, number), key=key)
            else:
                frames = FRAMES if looks else BLIND
                stream.push(frames.numbered(event, number), key=key)

    missed = jobs.missed(user, given.after) if given.run == jobs.run else None
    if missed is None:
        stream.push(encode(Snapshot(jobs.run, jobs.number(user), jobs.paused, jobs.views(user))))
    else:
        stream.push(encode(Resumed(jobs.run, given.after)))
        for number, event in missed:
            stream.push(FRAMES.numbered(event, number))
    for progress in jobs.previews(user):
        hear(progress)
    leave = jobs.listen_to_user(user, hear, previews=looks)
    await _until_closed(stream, leave)


@own("/jobs/watch", permission="basic_image_generation", socket=True)
async def watch_jobs(caller: Caller, given: WatchIn, stream: Stream, jobs: Jobs) -> None:
    """Stream everything that happens to the caller's jobs, numbered within each job.

    The first frame lists the jobs as they stand; then come numbered events (`event` names the kind). With
    `after` the events missed since are sent right behind the list, where the hub still has them.
    """

    def hear(event: JobEvent) -> None:
        if type(event) is Progressed:
            if given.previews or event.preview is None:
                stream.push(FRAMES.of(event), key=f"{event.job}:{event.index}")
        else:
            stream.push(FRAMES.of(event))

    stream.push(encode(JobsOut(jobs.run, jobs.views(caller.user), jobs.paused)))
    for job, number in _numbers(given, jobs.run).items():
        if not jobs.replay(job, caller.user, hear, number):
            stream.push(encode({"event": "gone", "job": job}))
    await _until_closed(stream, jobs.listen_to_user(caller.user, hear, previews=given.previews))


async def _until_closed(stream: Stream, leave: Unsubscribe) -> None:
    """Stay until the client leaves. Whatever it sends is not read; a malformed frame is nothing special."""
    try:
        while True:
            try:
                await stream.receive()
            except HubError:
                continue
    except Closed:
        return
    finally:
        leave()


def _numbers(given: WatchIn, run: str) -> dict[str, int]:
    after = given.raw.get("after")
    if after is None or given.run != run:
        return {}
    if not isinstance(after, dict) or not all(type(number) is int for number in after.values()):
        raise BadInput("`after` must map job ids to whole numbers.", field="after", limit="{job id: number}")
    return after

"""The queue as one sees it: the caller's own jobs whole, everybody else's without what is private."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.errors import BadInput, HubError
from hub.jobs import NO_END, EngineFigures, Filter, Jobs, JobView, Moment
from hub.wire import own

SEES_ALL = "queue_view_others"
STATES = ("waiting", "running", "done", "failed", "cancelled")


class JobsIn(Struct, frozen=True):
    """Which jobs are wanted; without anything the caller's unfinished and lately finished ones."""

    state: Annotated[
        str, Meta(description="Only these: waiting, running, done, failed, cancelled; several with commas.")
    ] = ""
    session: Annotated[str, Meta(description="Only one's own from the session that begins so.")] = ""
    words: Annotated[
        str, Meta(max_length=1000, description="Only one's own with these words in the prompt.")
    ] = ""
    before: Annotated[
        int, Meta(ge=0, le=2**53, description="Only those with a number below this; 0: from the newest.")
    ] = 0
    until: Annotated[
        float,
        Meta(ge=0, le=2**40, description="Only those accepted before this time (unix seconds); 0: any time."),
    ] = 0
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many at most.")] = 1000
    older: Annotated[bool, Meta(description="Also those that ended long ago, of others too.")] = False
    everyone: Annotated[
        bool, Meta(description=f"Those of all users; without the flag `{SEES_ALL}` with nothing private.")
    ] = False


class JobsOut(Struct, frozen=True):
    """`run` changes when the hub restarts: event numbers count from 1 again then. `jobs` newest first.
    `paused` tells that waiting images are kept from being started."""

    run: str
    jobs: list[JobView]
    paused: bool = False


class JobIn(Struct, frozen=True):
    """Which job."""

    job: Annotated[str, Meta(description="The job's id.")]


class DetailOut(Struct, frozen=True):
    """The job, and everything that happened to it, oldest first."""

    job: JobView
    timeline: list[Moment]


class QueueOut(Struct, frozen=True):
    """The queue in figures, over all users: images `waiting` and images being `drawn`, unfinished `jobs`,
    `users` who have some; `seconds_an_image` as measured, None before the first one. `engines` tells how full
    and how fast each engine is."""

    paused: bool
    waiting: int
    drawn: int
    jobs: int
    users: int
    seconds_an_image: float | None
    engines: list[EngineFigures]


@own("/jobs", permission="basic_image_generation", method="GET")
@own("/jobs", permission="basic_image_generation")
async def list_jobs(caller: Caller, given: JobsIn, jobs: Jobs) -> JobsOut:
    """List jobs, newest first: the caller's unfinished and lately finished ones, or as asked."""
    states = tuple(filter(None, (word.strip() for word in given.state.lower().split(","))))
    unknown = [state for state in states if state not in STATES]
    if unknown:
        raise BadInput(f"There is no state {unknown[0]!r}.", field="state", limit=list(STATES))
    wanted = Filter(
        states=states,
        session=given.session,
        words=given.words,
        before=given.before or 1 << 62,
        until=given.until or NO_END,
        limit=given.limit,
        everyone=given.everyone,
        older=given.older,
    )
    found = await jobs.listing.whole_page(caller.user, wanted, sees_all=caller.may(SEES_ALL))
    return JobsOut(jobs.run, found, jobs.paused)


@own("/jobs/detail", permission="basic_image_generation", method="GET")
@own("/jobs/detail", permission="basic_image_generation")
async def show_job(caller: Caller, given: JobIn, jobs: Jobs) -> DetailOut:
    """Show one job with its timeline, however old it is."""
    found = jobs.listing.one(given.job, caller.user, sees_all=caller.may(SEES_ALL))
    if found is None:
        raise HubError("You have no job of that id.", field="job")
    return DetailOut(*found)


@own("/queue", permission="basic_image_generation", method="GET")
@own("/queue", permission="basic_image_generation")
async def show_queue(jobs: Jobs) -> QueueOut:
    """Tell how much waits, how much is being drawn and how fast that goes."""
    figures = jobs.figures()
    engines = [
        msgspec.structs.replace(engine, seconds_an_image=_rounded(engine.seconds_an_image))
        for engine in jobs.engine_figures()
    ]
    speed = _rounded(figures.seconds)
    return QueueOut(jobs.paused, figures.waiting, figures.drawn, figures.jobs, figures.users, speed, engines)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)

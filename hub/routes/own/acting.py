"""What one may do to jobs: stop, try again, put in another order; and the pause of the whole queue."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.errors import BadInput, HubError
from hub.jobs import Jobs, Stop
from hub.routes.own.queue import JobIn
from hub.wire import own

NO_SUCH_JOB = "You have no unfinished job of that id."


class CancelIn(Struct, frozen=True):
    """Which job, and which image of it (counting from 0; left out: all)."""

    job: Annotated[str, Meta(description="The job's id.")]
    index: Annotated[int | None, Meta(description="One image of the job; left out: all of it.")] = None
    stop: Annotated[
        str,
        Meta(
            description="`all`; `waiting`: what no engine has yet; `after_this`: all but what is being drawn."
        ),
    ] = "all"


class CancelOut(Struct, frozen=True):
    """How many images are being stopped."""

    cancelled: int


class RetryOut(Struct, frozen=True):
    """The new job and how many images it will have."""

    job: str
    request_id: str
    images: int


class OrderIn(Struct, frozen=True):
    """Unfinished jobs in the order in which they shall come."""

    jobs: Annotated[list[str], Meta(description="Ids of the caller's unfinished jobs, the first one first.")]


class OrderOut(Struct, frozen=True):
    """How many of the jobs there are."""

    ordered: int


class PriorityIn(Struct, frozen=True):
    """Which job, and how it stands among the caller's others."""

    job: Annotated[str, Meta(description="The job's id.")]
    priority: Annotated[
        int, Meta(ge=-1000, le=1000, description="Of one's own jobs the higher comes first; 0 at first.")
    ]


class PriorityOut(Struct, frozen=True):
    """The priority the job has now."""

    priority: int


class PauseOut(Struct, frozen=True):
    """Whether the queue is paused now."""

    paused: bool


@own("/jobs/cancel", permission="basic_image_generation")
async def cancel_job(caller: Caller, given: CancelIn, jobs: Jobs) -> CancelOut:
    """Stop one job of the caller, a part of it or one image; others go on.

    When the answer comes, the wish outlives even a hub that is killed.
    """
    found = jobs.find(given.job, caller.user)
    if found is None:
        raise HubError(NO_SUCH_JOB, field="job")
    if given.index is not None and not 0 <= given.index < len(found.pictures):
        raise BadInput(
            f"Job {given.job} has no image {given.index}.", field="index", limit=[0, len(found.pictures) - 1]
        )
    if given.stop not in list(Stop):
        raise BadInput(f"`stop` cannot be {given.stop!r}.", field="stop", limit=[str(one) for one in Stop])
    met = jobs.interrupt(user=caller.user, job=given.job, image=given.index, stop=Stop(given.stop))
    await jobs.settled()
    return CancelOut(met)


@own("/jobs/retry", permission="basic_image_generation")
async def retry_job(caller: Caller, given: JobIn, jobs: Jobs) -> RetryOut:
    """Ask once more for the images of an ended job that failed or were cancelled, as a new job.

    What came is not made again, and each image has the seed it would have had.
    """
    job = await jobs.retry(given.job, caller)
    return RetryOut(job.id, str(job.request_id), len(job.pictures))


@own("/jobs/order", permission="basic_image_generation")
async def order_jobs(caller: Caller, given: OrderIn, jobs: Jobs) -> OrderOut:
    """Put the caller's own jobs in another order: the named ones share out the places they have.

    Nobody else's turn changes by it.
    """
    if len(given.jobs) > 10_000:
        raise BadInput("Too many jobs at once.", field="jobs", limit=10_000)
    ordered = jobs.reorder(given.jobs, caller.user)
    await jobs.settled()
    return OrderOut(ordered)


@own("/jobs/priority", permission="basic_image_generation")
async def prioritise_job(caller: Caller, given: PriorityIn, jobs: Jobs) -> PriorityOut:
    """Let one of the caller's jobs come before or behind the caller's others."""
    if not jobs.prioritise(given.job, caller.user, given.priority):
        raise HubError(NO_SUCH_JOB, field="job")
    await jobs.settled()
    return PriorityOut(given.priority)


@own("/queue/pause", permission="queue_pause")
async def pause_queue(jobs: Jobs) -> PauseOut:
    """Start no waiting image of anybody until the queue is resumed; what is being drawn is finished."""
    jobs.pause(True)
    await jobs.settled()
    return PauseOut(jobs.paused)


@own("/queue/resume", permission="queue_pause")
async def resume_queue(jobs: Jobs) -> PauseOut:
    """Let waiting images start again."""
    jobs.pause(False)
    await jobs.settled()
    return PauseOut(jobs.paused)

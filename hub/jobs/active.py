"""A job while it is in memory: its state machine, its request, its events."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from hashlib import sha256

import msgspec

from backends.contract import Work
from hub.jobs.bus import Channel
from hub.jobs.events import Queued
from hub.jobs.job import Job, State
from hub.jobs.keep import Kept
from hub.jobs.need import Need, needs_of

SHOWN = 8
"""How many digits of a session id its owner's other tabs are told."""


class Name(msgspec.Struct, frozen=True):
    """What a job is called: its id, and what it knows its session by. `again` tells that an earlier process
    promised it."""

    job: str
    sender: str
    again: bool = False


class Asked(msgspec.Struct, frozen=True):
    """What of a job tells it from others: its model's name, and the prompts as they were drawn."""

    model: str
    prompts: tuple[str, ...]


class Active:
    """Everything about one accepted job. `sequence` is its age among all jobs, `created` unix seconds,
    `watched` whether somebody looks at its previews. Of a user's jobs the higher `priority` comes first, then
    the lower `place`."""

    __slots__ = (
        "begun",
        "channel",
        "created",
        "durable",
        "ending",
        "finished",
        "job",
        "kept",
        "moving",
        "needs",
        "passed",
        "place",
        "previews",
        "priority",
        "refused",
        "refusing",
        "sequence",
        "watched",
        "works",
    )

    def __init__(
        self, job: Job, kept: Kept, works: Sequence[Work], channel: Channel, sequence: int, created: float
    ) -> None:
        self.job = job
        self.kept = kept
        self.works = works
        self.channel = channel
        self.sequence = sequence
        self.created = created
        self.needs = needs_of(kept.request)
        self.refusing: Collection[str] = frozenset()  # what was told of engines that never take its images
        self.begun: dict[int, float] = {}  # when drawing of an image began, unix seconds
        self.finished = 0.0
        self.ending = ""  # the final state, once handed to the store
        self.previews: dict[int, str] = {}  # the metadata text of images being drawn
        self.moving: dict[int, str] = {}  # images that an engine is to let go of, and why
        self.passed = 0  # pictures that came up on the way
        self.durable = False
        self.refused = False  # its row could not be written: its sender was told that it was not started
        self.watched = True
        self.priority = 0
        self.place = job.request_id

    def need(self, index: int) -> Need:
        """What an image asks of an engine."""
        if len(self.needs) == 1:
            return self.needs[0]
        return self.needs[self.kept.only[index] if self.kept.only else index]

    @property
    def waiting_needs(self) -> list[Need]:
        """What its images ask that no engine has yet."""
        if len(self.needs) == 1:
            return [self.needs[0]]
        waiting = (picture.index for picture in self.job.pictures if picture.state is State.WAITING)
        return list(dict.fromkeys(self.need(index) for index in waiting))

    def announce(self) -> None:
        """Say that it is accepted, and what was left out of it."""
        self.channel.say(Queued, images=len(self.works), warnings=self.kept.request.warnings)

    def asked(self, index: int | None) -> Asked:
        """What image `index` asks for, or all of them together."""
        request, only = self.kept.request, self.kept.only
        if not request.fills:
            prompts: tuple[str, ...] = (request.prompt,)
        elif index is None:
            prompts = tuple(dict.fromkeys(fill.prompt for fill in request.fills))
        else:
            prompts = (request.fills[only[index] if only else index].prompt,)
        return Asked(request.model.name, prompts)

    def work_for_engine(self, index: int) -> Work:
        """The work of an image, without previews when nobody looks, or when only checked pictures may be
        seen."""
        work = self.works[index]
        if work.previews and (self.kept.checked or not self.watched):
            return msgspec.structs.replace(work, previews=False)
        return work

    def lighten(self) -> None:
        """Let go of what only drawing needs; start pictures may weigh many megabytes."""
        self.works = ()
        self.begun.clear()
        self.moving.clear()
        self.previews.clear()
        self.kept = msgspec.structs.replace(self.kept, request=self.kept.request.without_pictures())

    def age(self, index: int) -> tuple[int, int, int]:
        """Its place among the images of one user."""
        return (-self.priority, self.place, index)

    @property
    def effort(self) -> float:
        """What one image of it costs to draw, in pixel steps."""
        request = self.kept.request
        return float(request.width * request.height * max(1, request.steps))


@lru_cache(1024)
def badge(session: str) -> str:
    """What jobs know a session by: enough to tell tabs apart, not enough to use it.

    Eight digits of the id, then a part of its SHA-256: it is written down with every job, and whoever reads
    the database must not find a key there.
    """
    return session[:SHOWN] + sha256(session.encode()).hexdigest()[:48]

"""Where waiting images meet engines: the line, the places taken, and the one loop-less step that pairs them.

Everything here runs on the event loop and never waits, so nothing can come between a claim and its sending.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from backends.contract import Cancel, Submit, Watch
from hub.jobs.active import Active
from hub.jobs.events import Ended, ImageCancelled, ImageFailed, Refused, Requeued, Waiting
from hub.jobs.job import Picture, State
from hub.jobs.need import Need
from hub.jobs.order import Line
from hub.jobs.place import Others
from hub.jobs.seats import Engines, Seats, Sitting

LOADS = 3.0
"""So many times as long as a step a model may take to be loaded, which happens without a word."""

STOPPING = 30.0
"""Seconds an engine has to let go of an image that it makes no progress with."""


class Stop(StrEnum):
    """What of a job is stopped: everything, what no engine has yet, or what is not being drawn yet."""

    ALL = "all"
    WAITING = "waiting"
    AFTER_THIS = "after_this"

    def spares(self, picture: Picture) -> bool:
        """Whether an image goes on."""
        if self is Stop.WAITING:
            return picture.at_engine
        return self is Stop.AFTER_THIS and picture.state is State.RUNNING


class Place(msgspec.Struct, frozen=True):
    """How many images come before the next one of a job, and in about how many seconds that one begins and
    the last one is done; None while no speed has been measured."""

    ahead: int
    begins: float | None
    ends: float | None


class Figures(msgspec.Struct, frozen=True):
    """Images that wait and that are at engines, unfinished jobs, users who have some, and how many seconds an
    image takes, None before one was measured."""

    waiting: int
    drawn: int
    jobs: int
    users: int
    seconds: float | None


Gone = Callable[[Active, str, Collection[int], str], None]
"""Told of images without a picture: their job, `cancelled` or `failed`, indices, the reason or ""."""


class Floor:
    """The unfinished jobs, their images in line and at engines.

    `ended` is told of every job's end, `gone` of images that will have no picture, once decided.
    """

    def __init__(self, ended: Callable[[Active], None], gone: Gone, clock: Callable[[], float]) -> None:
        self.jobs: dict[str, Active] = {}
        self.line: Line[Need] = Line()
        self.seats = Seats(self.line, clock)
        self.paused = False
        self.wake: Callable[[float], None] = lambda seconds: None  # asks for a pump in so many seconds
        self.may_start: Callable[[], bool] = lambda: True  # asked before each image; it must not wait
        self._ended = ended
        self._gone = gone
        self._of_user: dict[str, dict[str, Active]] = {}
        self._waiting: dict[str, int] = {}  # images without an engine, by user
        self._most: dict[str, int] = {}  # how many images of a user may be at engines at once, where limited
        self._drawn: dict[str, int] = {}  # how many are
        self._refusing: dict[Need, tuple[str, ...]] = {}  # as told to the jobs that wait
        self._admitted_for = 0  # the slots that decided how many images are in line
        self._pumping = False

    # ---- engines -----------------------------------------------------------------------------------------

    def use(self, engines: Engines) -> None:
        """Take the pool, once it exists."""
        self.seats.use(engines)

    def _cap(self, active: Active) -> int:
        """How many images of one request may be under way at once (swarm-api §3 "Simultaneity")."""
        self.seats.states()
        return max(1, min(active.kept.simultaneous, 2 * self.seats.slots))

    # ---- into the line and out ---------------------------------------------------------------------------

    def enter(self, active: Active) -> None:
        """Take a job in and put its first images in line."""
        job = active.job
        self.jobs[job.id] = active
        self._of_user.setdefault(job.user, {})[job.id] = active
        self._limit(job.user, active.kept.at_once)
        job.waited = lambda more: self._waited(job.user, more)
        job.waited(job.waiting)
        self._tell_refusals(active)
        self._admit(active)

    def of(self, user: str) -> Collection[Active]:
        """The unfinished jobs of a user."""
        return self._of_user.get(user, _NONE).values()

    def waiting(self, user: str) -> int:
        """How many images of a user no engine has yet."""
        return self._waiting.get(user, 0)

    def figures(self) -> Figures:
        """The queue over all users."""
        waiting = sum(self._waiting.values())
        drawn = sum(self._drawn.values())
        return Figures(
            waiting, drawn, len(self.jobs), len(self._of_user), self.seats.speeds.whole.seconds(1, 0.0)
        )

    def _waited(self, user: str, more: int) -> None:
        count = self._waiting.get(user, 0) + more
        if count:
            self._waiting[user] = count
        else:
            self._waiting.pop(user, None)

    def _limit(self, user: str, most: int) -> None:
        """Let no more than `most` images of a user be at engines at once; 0 for any number."""
        if most:
            self._most[user] = most
        else:
            self._most.pop(user, None)
        self._hold_or_free(user)

    def _hold_or_free(self, user: str) -> None:
        if self._drawn.get(user, 0) >= self._most.get(user, 1 << 62):
            self.line.hold(user)
        else:
            self.line.free(user)

    def _admit(self, active: Active) -> None:
        for index in active.job.admit(self._cap(active)):
            self._stand(active, index)

    def _stand(self, active: Active, index: int) -> None:
        """Put an image in line. One that lost its engine may be why: it is drawn alone from now on, so that
        it cannot take others down with it, nor they it.
        """
        item = active.works[index].id
        need = active.need(index)
        picture = active.job.pictures[index]
        if picture.losses:
            stays = picture.lost_on is not None and self.seats.holds(picture.lost_on, item)
            need = msgspec.structs.replace(need, alone=True, shuns=picture.lost_on, barred=stays)
        self.line.add(item, need, active.job.user, active.age(index))
        active.channel.say(Waiting, index=index)

    def find(self, item: str) -> tuple[Active, int] | None:
        """The unfinished job and index a work id belongs to."""
        job, _, index = item.rpartition(":")
        active = self.jobs.get(job)
        return None if active is None else (active, int(index))

    def pump(self) -> None:
        """Pair images with engines until nothing fits."""
        if self._pumping or self.paused or self.seats.engines is None:
            return
        self._pumping = True
        try:
            while heads := self.line.heads():
                choice = self.seats.choose([need for _, need in heads])
                if choice.need is None and choice.again is not None:
                    self.wake(choice.again)
                if choice.need is None or not self.may_start():
                    return
                self._send(choice.need, choice.engine)
        finally:
            self._pumping = False

    def _send(self, need: Need, engine: int) -> None:
        item = self.line.take(need)
        found = self.find(item)
        if found is None or self.seats.engines is None:
            return
        active, index = found
        if active.job.claim(index, engine):
            user, work = active.job.user, active.work_for_engine(index)
            sitting = Sitting(user, work.model.name, active.effort, work.steps)
            self.seats.sit(engine, item, sitting, alone=need.alone)
            self._drawn[user] = self._drawn.get(user, 0) + 1
            self._hold_or_free(user)
            self.seats.engines.send(engine, Submit(work))

    def release(self, engine: int, item: str, *, done: bool = False) -> None:
        """An engine has let go of a work, which is `done` or not."""
        held = self.seats.rise(engine, item, done=done)
        if held is not None:
            self._drawn[held.user] -= 1
            if not self._drawn[held.user]:
                del self._drawn[held.user]
            self._hold_or_free(held.user)

    def engines_changed(self) -> None:
        """An engine came, went or changed: more images may be admitted, some may have lost all hope."""
        self.seats.states()
        if self.seats.slots != self._admitted_for:
            self._admitted_for = self.seats.slots
            for active in list(self.jobs.values()):
                self._admit(active)
        self.pump()
        self._drop_hopeless()
        told = self._refusing
        self._refusing = {need: self.seats.refusing(need) for need in self.line.needs()}
        if any(told.get(need, ()) != reasons for need, reasons in self._refusing.items()):
            for active in list(self.jobs.values()):
                self._tell_refusals(active)

    def _drop_hopeless(self) -> None:
        """Let go of what no engine will ever take any more."""
        for need in self.line.needs():
            reason = self.seats.refuse(need, accepted=True)
            if reason is not None:
                for item in self.line.of(need):
                    self._give_up(item, reason)

    def _tell_refusals(self, active: Active) -> None:
        """Note in the job's story which engines never take its images and why, when that is new."""
        if active.job.waiting:
            reasons: dict[str, None] = {}
            for need in active.waiting_needs:
                self._refusing[need] = self.seats.refusing(need)
                reasons.update(dict.fromkeys(self._refusing[need]))
            if reasons.keys() != active.refusing:
                active.refusing = frozenset(reasons)
                active.channel.say(Refused, reasons=tuple(reasons))

    def obstacles(self, active: Active) -> list[str]:
        """Why no engine takes the waiting images of a job now, a sentence each."""
        if not active.job.waiting:
            return []
        needs = active.waiting_needs
        return list(dict.fromkeys(reason for need in needs for reason in self.seats.not_now(need)))

    def _give_up(self, item: str, reason: str) -> None:
        found = self.find(item)
        if found is not None and self.line.remove(item):
            self.fail(found[0], found[1], reason)

    def watch(self, active: Active, watched: bool) -> None:
        """Tell the engines that somebody looks at a job's previews now, or nobody any more."""
        if active.watched == watched or not active.kept.request.previews:
            return
        active.watched = watched
        held: dict[int, list[str]] = {}
        for picture in active.job.pictures:
            if picture.at_engine and picture.engine is not None:
                held.setdefault(picture.engine, []).append(active.works[picture.index].id)
        for engine, items in held.items():
            if self.seats.engines is not None:
                self.seats.engines.send(engine, Watch(tuple(items), watched))

    # ---- engines that make no progress ---------------------------------------------------------------------

    def look_for_stuck(self, now: float, least: float) -> None:
        """Take away what its engine runs without a sign of progress: told to stop it, an engine has `least`
        seconds, but no more than `STOPPING`; then the image goes on elsewhere without its word.
        """
        for engine, item, pulse, quiet in self.seats.stuck(now, least):
            found = self.find(item)
            picture = None if found is None else found[0].job.pictures[found[1]]
            if found is None or picture is None or picture.engine != engine or picture.stopping:
                continue
            if picture.state is not State.RUNNING and quiet <= LOADS * least:
                continue
            active, index = found
            if pulse.leaving is None:
                pulse.leaving = now
                title = self.seats.title(engine)
                active.moving[index] = f"{title} made no progress with it for {quiet:.0f} seconds."
                if self.seats.engines is not None:
                    self.seats.engines.send(engine, Cancel((item,)))
            elif now - pulse.leaving > min(least, STOPPING) and index in active.moving:
                self.requeue(active, index, active.moving[index])
                self._drop_hopeless()
        self.pump()

    # ---- ends --------------------------------------------------------------------------------------------

    def requeue(self, active: Active, index: int, reason: str) -> None:
        """An image's engine is gone: back in line, cancelled if its owner wanted that, or failed."""
        job = active.job
        active.moving.pop(index, None)
        if not job.pictures[index].at_engine:
            return
        if job.pictures[index].stopping:
            self.cancelled(active, index)
        elif job.lose(index):
            active.begun.pop(index, None)
            active.channel.say(Requeued, index=index, reason=reason)
            self._stand(active, index)
        else:
            self.fail(active, index, reason)

    def fail(self, active: Active, index: int, reason: str, **extra: Any) -> None:
        """An image will not come; the rest of its request is dropped unless it asked to go on."""
        if not active.job.fail(index, reason):
            return
        self._gone(active, "failed", (index,), reason)
        active.channel.say(ImageFailed, index=index, reason=reason, extra=extra)
        if not active.kept.request.continue_after_errors:
            if dropped := [picture.index for picture in active.job.pictures if _waits(picture)]:
                self._gone(active, "cancelled", dropped, "")
            self.drop_waiting(active)
        self.settle(active)

    def cancelled(self, active: Active, index: int) -> None:
        """An image was stopped: on its owner's wish, or to go on elsewhere."""
        why = active.moving.pop(index, None)
        if why is not None and not active.job.pictures[index].stopping:
            self.requeue(active, index, why)
            return
        begun = active.job.pictures[index].begun
        if active.job.cancel(index):
            active.channel.say(ImageCancelled, index=index, was_running=begun)
            self.settle(active)

    def drop_waiting(self, active: Active, only: int | None = None) -> None:
        """Take every image without an engine (or only one) out of the job."""
        for picture in active.job.pictures:
            if _waits(picture) and only in (None, picture.index):
                self.line.remove(active.works[picture.index].id)
                if active.job.cancel(picture.index):
                    active.channel.say(ImageCancelled, index=picture.index, was_running=False)

    def interrupt(
        self, actives: Iterable[Active], only: int | None = None, stop: Stop = Stop.ALL
    ) -> dict[str, list[int]]:
        """Stop jobs (or one image of each): what waits leaves at once, engines are told to stop the rest.

        The flag is set on every image first, and a claim reads it: none can slip to an engine in between.
        Gives the indices of the images concerned, by job.
        """
        told: dict[int, list[str]] = {}
        concerned: dict[str, list[int]] = {}
        for active in list(actives):
            job = active.job
            met = concerned[job.id] = []
            for picture in job.pictures if only is None else [job.pictures[only]]:
                if picture.stopping or picture.settled or stop.spares(picture):
                    continue
                met.append(picture.index)
                if job.stop(picture.index) and picture.engine is not None:
                    told.setdefault(picture.engine, []).append(active.works[picture.index].id)
            if met:
                self._gone(active, "cancelled", met, "")
            self.drop_waiting(active, only)
            self.settle(active)
        for engine, items in told.items():
            if self.seats.engines is not None:
                self.seats.engines.send(engine, Cancel(tuple(items)))
        return concerned

    def give_up(self, user: str) -> None:
        """End a user's jobs without waiting for engines, which are told; what is being saved goes on."""
        for active in list(self.of(user)):
            for picture in active.job.pictures:
                if picture.at_engine:
                    self.cancelled(active, picture.index)
        if not self.of(user):
            self._limit(user, 0)

    # ---- order and places --------------------------------------------------------------------------------

    def arrange(self, active: Active, priority: int, place: int) -> None:
        """Give a job another place among its user's."""
        active.priority, active.place = priority, place
        for picture in active.job.pictures:
            if picture.in_line:
                self.line.move(active.works[picture.index].id, active.age(picture.index))

    def places(self, user: str) -> Mapping[str, Place]:
        """Where the user's jobs with waiting images stand, by job."""
        turn = self.line.turn(user)
        others = Others(
            (many, self.line.turn(other) < turn) for other, many in self._waiting.items() if other != user
        )
        forecast = self.seats.forecast()
        mine: int = 0
        own: list[tuple[Need, float]] = []
        found = {}
        for active in sorted(self.of(user), key=lambda active: active.age(0)):
            many = active.job.waiting
            if not many:
                continue
            need = active.need(0)
            before, behind = others.before(mine), others.before(mine + many - 1)
            begins = forecast.seconds(need, before, own)
            own.append((need, many * active.effort))
            found[active.job.id] = Place(mine + before, begins, forecast.seconds(need, behind, own))
            mine += many
        return found

    def settle(self, active: Active) -> None:
        """After an image's end: the next ones may come in, or the job is over."""
        job = active.job
        if not job.ended:
            self._admit(active)
        elif self.jobs.pop(job.id, None) is not None:
            mine = self._of_user.get(job.user, {})
            mine.pop(job.id, None)
            if not mine:
                self._of_user.pop(job.user, None)
            self._ended(active)
            active.channel.say(Ended, state=job.state)


def _waits(picture: Picture) -> bool:
    """Whether an image has neither an engine nor its end."""
    return picture.state is State.WAITING


_NONE: Mapping[str, Active] = {}

"""A job and its images as a state machine: every transition one method, no clock, no loop, no sockets.

A transition that does not fit the state an image is in (a late word of an engine that lost the image, an
interrupt after the end) answers False and changes nothing.

    waiting -> claimed -> loading -> running -> saving -> done
       ^          |          |          |          |
       +----------+----------+----------+ engine lost, once      any of them -> failed, cancelled
"""

from collections.abc import Callable, Collection
from enum import StrEnum

from hub.jobs.tally import Counts

Difference = tuple[int, int, int, int]
MAX_LOSSES = 1  # how often an image may lose its engine and go back in line


class State(StrEnum):
    """Where an image is; a job's own state is one of waiting, running, done, failed, cancelled."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    LOADING = "loading"
    RUNNING = "running"
    SAVING = "saving"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDS = frozenset({State.DONE, State.FAILED, State.CANCELLED})
AT_ENGINE = frozenset({State.CLAIMED, State.LOADING, State.RUNNING})
_COUNTED: dict[State, Difference] = {  # (gens, loading, waiting, live) an image in this state stands for
    State.CLAIMED: (1, 0, 1, 0),
    State.LOADING: (1, 1, 1, 0),
    State.RUNNING: (1, 0, 0, 1),
    State.SAVING: (1, 0, 0, 1),
}
_NOT_COUNTED: Difference = (0, 0, 0, 0)


class Picture:
    """One image of a job. `engine` is the id of the engine that holds it or None; `losses` how often an
    engine was lost under it, `lost_on` the last of those; `stopping` once the owner wants it stopped, `begun`
    once drawing began."""

    __slots__ = ("begun", "engine", "in_line", "index", "losses", "lost_on", "state", "stopping")

    def __init__(self, index: int) -> None:
        self.index = index
        self.state = State.WAITING
        self.engine: int | None = None
        self.losses = 0
        self.lost_on: int | None = None
        self.in_line = False
        self.stopping = False
        self.begun = False

    @property
    def at_engine(self) -> bool:
        """Whether an engine holds it, with nothing back yet."""
        return self.state in AT_ENGINE

    @property
    def settled(self) -> bool:
        """Whether stopping it is too late: it has its end, or is being saved."""
        return self.state in ENDS or self.state is State.SAVING

    def stands_for(self) -> Difference:
        """What it adds to the status counters."""
        if self.state is State.WAITING:
            return (1, 0, 1, 0) if self.in_line else (1, 0, 0, 0)
        return _COUNTED.get(self.state, _NOT_COUNTED)


class Job:
    """An accepted request for `total` images by one user from one session.

    `done` are indices finished in an earlier life of the hub. `changed` is told every difference of the job's
    counters, which it also keeps in `counts`.
    """

    def __init__(
        self,
        job: str,
        user: str,
        session: str,
        request_id: int,
        total: int,
        *,
        done: Collection[int] = (),
        changed: Callable[[Difference], None] | None = None,
    ) -> None:
        self.id = job
        self.user = user
        self.session = session
        self.request_id = request_id
        self.pictures = [Picture(index) for index in range(total)]
        self.counts = Counts()
        self.reason = ""  # the first failure
        self.waiting = total  # images without an engine
        self.waited: Callable[[int], None] | None = None  # told every difference of that
        self._changed = changed
        self._next = 0  # the first image that was never put in line
        self._open = total  # images without an end
        self._placed = 0  # images in line or at an engine
        for index in done:
            self.pictures[index].state = State.DONE
            self._open -= 1
            self.waiting -= 1
        self._count((self._open, 0, 0, 0))

    # ---- what is asked -----------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether every image has its end."""
        return self._open == 0

    @property
    def state(self) -> str:
        """The job's own state: failed weighs more than cancelled, cancelled more than done."""
        states = {picture.state for picture in self.pictures}
        if self._open:
            begun = states - {State.WAITING}
            return "running" if begun else "waiting"
        return _worst(states)

    def state_after(self, index: int) -> str | None:
        """The job's final state if image `index` is the last one to finish; None while others are open."""
        if self._open > 1:
            return None
        return _worst({picture.state for picture in self.pictures if picture.index != index})

    @property
    def made(self) -> int:
        """How many of its pictures are done."""
        return sum(picture.state is State.DONE for picture in self.pictures)

    # ---- the way of an image -----------------------------------------------------------------------------

    def admit(self, cap: int) -> list[int]:
        """Put waiting images in line so that at most `cap` are in line or at an engine; their indices."""
        admitted = []
        while self._placed < cap and self._next < len(self.pictures):
            picture = self.pictures[self._next]
            self._next += 1
            if picture.state is State.WAITING and not picture.in_line:
                picture.in_line = True
                self._placed += 1
                self._count((0, 0, 1, 0))
                admitted.append(picture.index)
        return admitted

    def claim(self, index: int, engine: int) -> bool:
        """The image leaves the line for an engine; refused once its owner wants it stopped."""
        picture = self.pictures[index]
        if picture.state is not State.WAITING or not picture.in_line or picture.stopping:
            return False
        self._move(picture, State.CLAIMED, in_line=False)
        picture.engine = engine
        return True

    def load(self, index: int) -> bool:
        """The engine loads the image's model first."""
        picture = self.pictures[index]
        if picture.state is not State.CLAIMED:
            return False
        self._move(picture, State.LOADING)
        return True

    def start(self, index: int) -> bool:
        """The first step begins."""
        picture = self.pictures[index]
        if picture.state not in (State.CLAIMED, State.LOADING):
            return False
        self._move(picture, State.RUNNING)
        picture.begun = True
        return True

    def receive(self, index: int) -> bool:
        """The finished picture came from the engine: from here on it is saved whatever else happens."""
        picture = self.pictures[index]
        if not picture.at_engine:
            return False
        self._move(picture, State.SAVING)
        return True

    def finish(self, index: int) -> bool:
        """The picture is saved."""
        return self._end(index, State.DONE, State.SAVING)

    def fail(self, index: int, reason: str) -> bool:
        """The image will not come, for a reason in words."""
        ended = self._end(index, State.FAILED)
        if ended and not self.reason:
            self.reason = reason
        return ended

    def cancel(self, index: int) -> bool:
        """The image is given up on its owner's wish; one being saved is finished instead."""
        if self.pictures[index].state is State.SAVING:
            return False
        return self._end(index, State.CANCELLED)

    def stop(self, index: int) -> bool:
        """Mark an image as unwanted. True when an engine holds it and must be told."""
        picture = self.pictures[index]
        if picture.settled or picture.stopping:
            return False
        picture.stopping = True
        return picture.at_engine

    def lose(self, index: int) -> bool:
        """Its engine was lost: back in line the first time. False when this was once too often, or stale."""
        picture = self.pictures[index]
        if not picture.at_engine or picture.losses >= MAX_LOSSES:
            return False
        picture.losses += 1
        picture.lost_on = picture.engine
        self._move(picture, State.WAITING, in_line=True)
        picture.engine = None
        return True

    # ---- inner -------------------------------------------------------------------------------------------

    def _end(self, index: int, end: State, *only: State) -> bool:
        picture = self.pictures[index]
        if picture.state in ENDS or (only and picture.state not in only):
            return False
        placed = picture.in_line or picture.state is not State.WAITING
        self._move(picture, end, in_line=False)
        picture.engine = None
        self._open -= 1
        if placed:
            self._placed -= 1
        return True

    def _move(self, picture: Picture, state: State, *, in_line: bool | None = None) -> None:
        before = picture.stands_for()
        if (more := (state is State.WAITING) - (picture.state is State.WAITING)) != 0:
            self.waiting += more
            if self.waited is not None:
                self.waited(more)
        picture.state = state
        if in_line is not None:
            picture.in_line = in_line
        after = picture.stands_for()
        self._count((after[0] - before[0], after[1] - before[1], after[2] - before[2], after[3] - before[3]))

    def _count(self, difference: Difference) -> None:
        if difference == _NOT_COUNTED:
            return
        self.counts.change(*difference)
        if self._changed is not None:
            self._changed(difference)


def _worst(states: Collection[State]) -> str:
    for end in (State.FAILED, State.CANCELLED):
        if end in states:
            return str(end)
    return str(State.DONE)

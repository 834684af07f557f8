"""Who hears what happens: numbered events of each job, a ring of them for replay, an owner filter.

Listeners are called one after the other, inside the publishing call, and must not wait. One that raises
is dropped with a line in the log: one broken socket must not cost the others their frames.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from hub.jobs.events import Ended, JobEvent, Progressed
from hub.jobs.feed import Feeds

Listener = Callable[[JobEvent], None]
Unsubscribe = Callable[[], None]
RING = 4096  # numbered events kept of one job; whoever fell further behind gets a snapshot

_log = logging.getLogger(__name__)


class Channel:
    """The events of one job. Nothing leaves it before `open`, which is when the job has become durable, nor
    while it is held: nobody is told of an end that a kill could undo."""

    __slots__ = (
        "_behind",
        "_bus",
        "_common",
        "_opened",
        "_previews",
        "_waits",
        "blind",
        "job",
        "listeners",
        "number",
        "over",
        "ring",
        "user",
    )

    def __init__(self, bus: "Bus", job: str, user: str, session: str, request_id: int) -> None:
        self._bus = bus
        self._common: dict[str, Any] = {
            "job": job,
            "user": user,
            "session": session,
            "request_id": request_id,
        }
        self._opened = False
        self._waits = 0  # writes that must be committed before anything more is told
        self._behind: list[JobEvent] = []  # what was said meanwhile
        self._previews: dict[int, Progressed] = {}  # the newest of every image that is being drawn
        self.job = job
        self.user = user
        self.number = 0
        self.ring: deque[JobEvent] = deque(maxlen=RING)
        self.listeners: list[Listener] = []
        self.blind: list[Listener] = []  # those of them who do not look at previews
        self.over = False  # its end was told: there is nothing more to hear

    @property
    def watched(self) -> bool:
        """Whether anybody who hears this job looks at its previews."""
        return len(self.listeners) > len(self.blind) or self._bus.watched(self.user)

    def say(self, kind: Callable[..., JobEvent], **what: Any) -> None:
        """Publish a numbered event of this job."""
        self.number += 1
        event = kind(number=self.number, at=self._bus.clock(), **self._common, **what)
        index: int | None = what.get("index")
        if index is not None:
            self._previews.pop(index, None)
        self.ring.append(event)
        if self._opened and not self._waits:
            self._deliver(event)
        else:
            self._behind.append(event)

    def show(self, index: int, step: int, steps: int, preview: bytes | None) -> None:
        """Publish progress: not numbered, only the newest of each image is remembered."""
        event = Progressed(
            number=self.number,
            at=self._bus.clock(),
            **self._common,
            index=index,
            step=step,
            steps=steps,
            preview=preview,
        )
        self._previews[index] = event
        if self._opened and not self._waits:
            self._deliver(event)

    def open(self) -> None:
        """Deliver what was held back and everything from now on."""
        self._opened = True
        self._catch_up()

    def hold(self, written: "asyncio.Future[Any]") -> None:
        """Tell nothing more until something is written (or could not be)."""
        self._waits += 1
        written.add_done_callback(self._release)

    def _release(self, written: "asyncio.Future[Any]") -> None:
        self._waits -= 1
        self._catch_up()

    def _catch_up(self) -> None:
        if self._opened and not self._waits:
            behind, self._behind = self._behind, []
            for event in (*behind, *(self._previews.values() if behind else ())):
                self._deliver(event)

    def replay(self, listener: Listener, after: int) -> bool:
        """Tell a listener the events after number `after`, up to the last that was told to anybody.

        False, and nothing told, when some are gone.
        """
        told = self._behind[0].number if self._behind else self.number + 1
        if self.number > after and (not self.ring or self.ring[0].number > after + 1):
            return False
        for event in (*self.ring, *self._previews.values()):
            if after < event.number < told or isinstance(event, Progressed):
                listener(event)
        return True

    def previews(self) -> Iterable[Progressed]:
        """The newest progress of every image that is being drawn."""
        return tuple(self._previews.values())

    def _deliver(self, event: JobEvent) -> None:
        if type(event) is not Progressed:
            self._bus.feeds.record(event)
        for listener in (*self.listeners, *self._bus.listeners_of(self.user)):
            try:
                listener(event)
            except Exception:
                _log.exception("A listener of job %s failed and is dropped", event.job)
                self._bus.drop(self, listener)
        if type(event) is Ended:
            self.over = True
            self.listeners.clear()
            self.blind.clear()


class Bus:
    """The channels of all jobs and the listeners of all users.

    `watching(user, job)` is told when somebody comes or leaves: `job` is None when it concerns all of a
    user's. `feeds` are the numbered rows of what happened to all jobs of a user.
    """

    def __init__(
        self,
        watching: Callable[[str, str | None], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self.feeds = Feeds()
        self._users: dict[str, list[Listener]] = {}
        self._blind: dict[str, list[Listener]] = {}
        self._watching = watching or (lambda user, job: None)

    def channel(self, job: str, user: str, session: str, request_id: int) -> Channel:
        """A new, still closed channel."""
        return Channel(self, job, user, session, request_id)

    def listeners_of(self, user: str) -> list[Listener]:
        """Those who hear everything of a user."""
        return self._users.get(user, _NOBODY)

    def watched(self, user: str) -> bool:
        """Whether anybody who hears all of a user's jobs looks at previews."""
        return len(self._users.get(user, _NOBODY)) > len(self._blind.get(user, _NOBODY))

    def listen_to_user(self, user: str, listener: Listener, *, previews: bool = True) -> Unsubscribe:
        """Hear the events of every job of `user`, from now on. `previews` off: without looking at those."""
        self._users.setdefault(user, []).append(listener)
        if not previews:
            self._blind.setdefault(user, []).append(listener)
        self._watching(user, None)

        def leave() -> None:
            self._leave_user(user, listener)
            self._watching(user, None)

        return leave

    def listen_to_job(self, channel: Channel, listener: Listener, *, previews: bool = True) -> Unsubscribe:
        """Hear the events of one job, from now on. `previews` off: without looking at those.

        After the job's end nobody is held any more: a job that has ended is remembered for long, and its
        listeners would be with it, sockets and all.
        """
        if channel.over:
            return _nothing
        channel.listeners.append(listener)
        if not previews:
            channel.blind.append(listener)
        self._watching(channel.user, channel.job)

        def leave() -> None:
            _take_out(channel.listeners, listener)
            _take_out(channel.blind, listener)
            self._watching(channel.user, channel.job)

        return leave

    def drop(self, channel: Channel, listener: Listener) -> None:
        """Forget a listener wherever it stands."""
        _take_out(channel.listeners, listener)
        _take_out(channel.blind, listener)
        self._leave_user(channel.user, listener)
        self._watching(channel.user, None)

    def _leave_user(self, user: str, listener: Listener) -> None:
        for places in (self._users, self._blind):
            listeners = places.get(user, [])
            _take_out(listeners, listener)
            if not listeners:
                places.pop(user, None)


def _take_out(listeners: list[Listener], listener: Listener) -> None:
    if listener in listeners:
        listeners.remove(listener)


def _nothing() -> None:
    """There was nothing to leave."""


_NOBODY: list[Listener] = []

"""The jobs room's front: takes accepted requests, runs them on engines, tells who listens."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import NoReturn
from uuid import uuid4

from backends.contract import (
    Report,
)
from hub.accounts.caller import Caller
from hub.errors import BadInput, HubError
from hub.jobs import events
from hub.jobs.active import Active, JobView, badge, view
from hub.jobs.bus import Bus, Listener, Unsubscribe
from hub.jobs.choose import Need, need_of
from hub.jobs.floor import Engines, Floor
from hub.jobs.job import Difference, Job
from hub.jobs.keep import Keep, Kept
from hub.jobs.memory import Memory
from hub.jobs.reports import Reports
from hub.jobs.status import Status, StatusText, status_text
from hub.jobs.tally import Counts, Tallies
from hub.media import Media
from hub.params import letters, spread
from hub.params.request import GenRequest
from hub.store import JobRow, Store

STOPPING = "The hub is being shut down. Try again in a moment."
_NO_ENGINES = StatusText(())
_log = logging.getLogger(__name__)


class Jobs:
    """Every job of every user.

    Made before the pool, whose callbacks are `report`, `engines_changed` and `lost`; `use` gives it the pool.
    """

    def __init__(
        self,
        store: Store,
        media: Media,
        *,
        most_waiting: int = 20000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._media = media
        self._keep = Keep(store, media)
        self._clock = clock
        self._most_waiting = most_waiting
        self._bus = Bus(self._watching)
        self._tallies = Tallies()
        self._floor = Floor(self._ended)
        self._reports = Reports(self._floor, media, clock, self._write_end)
        self._memory = Memory()
        self._sequence = 0
        self.run = uuid4().hex[:12]
        """Changes with every start: event numbers count anew then."""
        self._engines: Engines | None = None
        self._woken = False
        self._stopping = False

    # ---- life --------------------------------------------------------------------------------------------

    def use(self, engines: Engines) -> None:
        """Take the pool."""
        self._engines = engines
        self._floor.use(engines)

    async def start(self) -> None:
        """Settle what a crash left on disk and go on with every unfinished job."""
        await self._media.settle()
        now = self._clock()
        resumed = await self._keep.unfinished(int(now * 1000))
        for found in resumed:
            row = found.row
            active = self._make(row, found.kept, found.done)
            active.durable = True
            active.watched = active.channel.watched
            active.channel.say(events.Queued, images=len(active.works))
            active.channel.open()
            self._floor.enter(active)
            self._floor.settle(active)
        if resumed:
            _log.info("%d unfinished jobs go on", len(resumed))
        self._floor.pump()

    async def stop(self) -> None:
        """Take nothing more and finish the pictures being saved; unfinished jobs go on at the next start."""
        self._stopping = True
        await self._reports.finish()

    # ---- what routes ask ---------------------------------------------------------------------------------

    async def submit(self, request: GenRequest, caller: Caller, *, watched: bool = True) -> Job:
        """Accept a request: durable on return, possibly at an engine already. Raises HubError.

        `watched` tells that the sender is going to look at its previews.
        """
        if self._stopping:
            raise HubError(STOPPING)
        waiting = self.counts(user=caller.user).waiting_gens
        if waiting + request.images * request.batch_size > self._most_waiting:
            raise BadInput(
                f"You have {waiting} images waiting; {request.images} more would pass the limit of "
                f"{self._most_waiting}. Wait for some to finish or interrupt them.",
                field="images",
                limit=self._most_waiting - waiting,
            )
        reason = self._floor.refuse(need_of(request))
        if reason is not None:
            self._refuse(need_of(request), reason)
        now = self._clock()
        limits = caller.limits
        kept = Kept(
            request,
            limits.max_t2i_simultaneous,
            limits.max_outpath_depth,
            limits.allow_unsafe_outpaths,
            self._keep.next_count(caller.user, int(now // 60)),
        )
        number = self._keep.next_number(caller.user)
        total = request.images * request.batch_size
        row = JobRow(
            uuid4().hex, caller.user, badge(caller.session), number, "waiting", total, int(now * 1000)
        )
        active = self._make(row, kept, frozenset())
        active.watched = watched or active.channel.watched
        await self._accept(active, row)
        return active.job

    def _refuse(self, need: Need, reason: str) -> NoReturn:
        """Refuse a request that no engine will ever take, naming the parameter when that is why."""
        parameter = self._floor.lacking(need)
        if parameter is None:
            raise HubError(reason)
        raise HubError(reason, field=letters(parameter))

    async def _accept(self, active: Active, row: JobRow) -> None:
        """Write the row while the first images are already on their way to an engine."""
        active.channel.say(events.Queued, images=len(active.works))
        stored = self._keep.accept(row, active.kept)
        stored.add_done_callback(lambda done: self._stored(active, done))
        self._floor.enter(active)
        self._floor.pump()
        try:
            await asyncio.shield(stored)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            _log.exception("Job %s could not be written", row.id)
            raise HubError(
                "The request could not be stored, so it was not started. Is the disk full?"
            ) from error

    def _stored(self, active: Active, done: "asyncio.Future[int]") -> None:
        if done.cancelled() or done.exception() is not None:
            self._floor.interrupt([active])
            return
        active.durable = True
        active.channel.open()

    def interrupt(
        self,
        *,
        user: str,
        session: str | None = None,
        job: str | None = None,
        image: int | None = None,
    ) -> int:
        """Stop images of `user`: one `image` of a `job`, a `job`, a `session`, or everything he has.

        Only what was accepted before this call; other users are never touched. Gives how many images it met.
        """
        wanted = None if session is None else badge(session)
        met = [
            active
            for active in self._floor.jobs.values()
            if active.job.user == user
            and (wanted is None or active.job.session == wanted)
            and (job is None or active.job.id == job)
            and (image is None or 0 <= image < len(active.job.pictures))
        ]
        concerned = self._floor.interrupt(met, image)
        self._floor.pump()
        return concerned

    def find(self, job: str, user: str) -> Job | None:
        """An unfinished job of `user`."""
        active = self._floor.jobs.get(job)
        return active.job if active is not None and active.job.user == user else None

    def next_number(self, user: str) -> int:
        """The user's next request number, for what goes into the history without being drawn."""
        return self._keep.next_number(user)

    def listen_to_job(
        self, job: str, user: str, listener: Listener, *, after: int = 0, previews: bool = True
    ) -> Unsubscribe | None:
        """Hear the events of a job of `user` after number `after`, the past ones at once.

        With `previews` off none need be made for this listener. None when there is no such job in memory, or
        events after that number are gone: take a `view` then.
        """
        active = self._get(job, user)
        if active is None or not active.channel.replay(listener, after):
            return None
        return self._bus.listen_to_job(active.channel, listener, previews=previews)

    def listen_to_user(self, user: str, listener: Listener, *, previews: bool = True) -> Unsubscribe:
        """Hear the events of every job of `user` from now on. `previews` as in `listen_to_job`."""
        return self._bus.listen_to_user(user, listener, previews=previews)

    def replay(self, job: str, user: str, listener: Listener, after: int) -> bool:
        """Tell the events of a job after a number, False when that is not possible any more."""
        active = self._get(job, user)
        return active is not None and active.channel.replay(listener, after)

    def views(self, user: str) -> list[JobView]:
        """The user's unfinished and lately ended jobs, newest first."""
        known = [*self._floor.jobs.values(), *self._memory.jobs()]
        mine = [active for active in known if active.job.user == user and active.durable]
        mine.sort(key=lambda active: -active.sequence)
        return [view(active, self._ahead(active)) for active in mine]

    def counts(self, *, session: str | None = None, user: str | None = None) -> Counts:
        """The status counters of a session, else of a user, else of everyone."""
        return self._tallies.of(session=None if session is None else badge(session), user=user)

    def status(self, counts: Counts) -> Status:
        """The status object."""
        return self._status_text().body(counts)

    def status_frame(self, counts: Counts) -> bytes:
        """The status object as JSON text, its constant part encoded once for each change of the engines."""
        return self._status_text().frame(counts)

    def _status_text(self) -> StatusText:
        return _NO_ENGINES if self._engines is None else status_text(self._engines)

    # ---- what the pool tells -----------------------------------------------------------------------------

    def report(self, engine: int, report: Report) -> None:
        """A word of an engine."""
        if not self._stopping:
            self._reports.take(engine, report)

    def lost(self, engine: int, items: tuple[str, ...], reason: str) -> None:
        """An engine died with these works unfinished: they go back in line once, then fail."""
        if not self._stopping:
            self._reports.lost(engine, items, reason)
            self.engines_changed()

    def engines_changed(self) -> None:
        """The pool's version grew. Acted on when the pool is done with whatever it is doing."""
        if not self._woken:
            self._woken = True
            asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        self._woken = False
        if not self._stopping:
            self._floor.engines_changed()

    # ---- ends --------------------------------------------------------------------------------------------

    def _write_end(self, active: Active, state: str) -> None:
        active.finished = self._clock()
        active.ending = state
        self._keep.finish(active.job.id, state, active.job.reason, int(active.finished * 1000))

    def _ended(self, active: Active) -> None:
        if active.ending != active.job.state:
            self._write_end(active, active.job.state)
        self._memory.remember(active)

    # ---- inner -------------------------------------------------------------------------------------------

    def _make(self, row: JobRow, kept: Kept, done: frozenset[int]) -> Active:
        works = spread(kept.request, row.id, row.user, row.session)

        def changed(difference: Difference) -> None:
            self._tallies.change(row.session, row.user, difference)

        job = Job(row.id, row.user, row.session, row.request_id, len(works), done=done, changed=changed)
        channel = self._bus.channel(row.id, row.user, row.session, row.request_id)
        self._sequence += 1
        return Active(job, kept, works, channel, self._sequence, row.created / 1000)

    def _get(self, job: str, user: str) -> Active | None:
        active = self._floor.jobs.get(job) or self._memory.get(job)
        return active if active is not None and active.job.user == user else None

    def _watching(self, user: str, job: str | None) -> None:
        """A listener of one job, or of all of a user's, has come or left."""
        jobs = self._floor.jobs
        concerned = jobs.values() if job is None else filter(None, [jobs.get(job)])
        for active in concerned:
            if active.job.user == user:
                self._floor.watch(active, active.channel.watched)

    def _ahead(self, active: Active) -> int | None:
        for picture in active.job.pictures:
            if picture.in_line:
                return self._floor.line.ahead(active.works[picture.index].id)
        return None

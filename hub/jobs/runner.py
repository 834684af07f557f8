"""The jobs room's front: takes accepted requests, runs them on engines, tells who listens."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from uuid import uuid4

import msgspec

from backends.contract import Report
from hub.accounts.caller import Caller
from hub.errors import DeadSession, HubError, storage_trouble
from hub.jobs import another_try, events
from hub.jobs.active import Active, Asked, Name, badge
from hub.jobs.admission import Admission
from hub.jobs.another_try import missing_of
from hub.jobs.bus import Bus, Listener, Unsubscribe
from hub.jobs.ends import End
from hub.jobs.events import JobEvent
from hub.jobs.floor import Figures, Floor, Stop
from hub.jobs.job import Difference, Job
from hub.jobs.keep import Keep, Kept
from hub.jobs.limits import DAY
from hub.jobs.listing import Filter, JobView, Listing
from hub.jobs.lookout import Lookout
from hub.jobs.measured import Measured
from hub.jobs.memory import Memory
from hub.jobs.need import needs_of
from hub.jobs.onlooker import Onlooker, Over
from hub.jobs.owed import Written
from hub.jobs.reports import Reports
from hub.jobs.seats import EngineFigures, Engines
from hub.jobs.status import Status, StatusText, status_text
from hub.jobs.tally import Counts, Tallies
from hub.media import Media, occasion_of
from hub.params import spread
from hub.params.request import GenRequest
from hub.safety import Safety
from hub.store import JobRow, Store

STOPPING = "The hub is being shut down. Try again in a moment."
_NO_ENGINES = StatusText(())
PAUSED = "queue_paused"
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
        safety: Safety | None = None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] | None = None,
    ) -> None:
        self._media = media
        self._keep = Keep(store, media)
        self._clock = clock
        self._bus = Bus(self._watching, clock)
        self._tallies = Tallies()
        # Speeds are measured by a clock that nobody can set: one step of the other would spoil them for long.
        steady = steady or (time.monotonic if clock is time.time else clock)
        self._floor = Floor(self._ended, self._gone, steady)
        self.safety = safety or Safety()
        self._reports = Reports(self._floor, media, clock, self._write_end, self.safety)
        self.times = self._reports.times
        self._memory = Memory()
        self.lookout = Lookout(self._floor)
        self.measured = Measured(self._floor.seats.speeds, self._keep)
        self.admission = Admission(self._keep, most_waiting)
        self._sequence = 0
        self.listing = Listing(self._floor, self._memory, self._keep)
        self.is_known: Callable[[str], bool] = lambda user: True
        """Whether there is an account of that name: nothing is taken from one that was just deleted."""
        self.run = uuid4().hex[:12]
        """Changes with every start: event numbers count anew then."""
        self.ended_images = Counter({"done": 0, "failed": 0, "cancelled": 0})
        """Images that came to an end since the start, by state."""
        self._engines: Engines | None = None
        self._woken = False
        self._alarm: asyncio.TimerHandle | None = None
        self._floor.wake = self._wake_in
        self._stopping = False

    # ---- life --------------------------------------------------------------------------------------------

    def use(self, engines: Engines) -> None:
        """Take the pool."""
        self._engines = engines
        self._floor.use(engines)

    def use_onlooker(self, onlooker: Onlooker) -> None:
        """Let somebody look on at all jobs, and say when images may start."""
        self._reports.onlooker = onlooker
        self._floor.may_start = onlooker.may_start

    def go_on(self) -> None:
        """Start what may start by now."""
        if not self._stopping:
            self._floor.pump()

    async def start(self) -> None:
        """Settle what a crash left on disk and go on with every unfinished job."""
        await self._media.settle()
        now = self._clock()
        self._floor.paused = bool(self._keep.text(PAUSED))
        self._keep.forget(now - another_try.DAYS * DAY)
        resumed = await self._keep.unfinished(int(now * 1000))
        for found in resumed:
            active = self._make(found.row, found.kept, found.done)
            active.durable = True
            active.watched = active.channel.watched
            active.announce()
            active.channel.open()
            self._end_again(active, found.gone)
            self._floor.enter(active)
            self._floor.settle(active)
        if resumed:
            _log.info("%d unfinished jobs go on", len(resumed))
        self._floor.pump()

    def _end_again(self, active: Active, gone: Mapping[int, End]) -> None:
        """Images that ended without a picture before the restart keep their end."""
        for index, end in gone.items():
            if end.state == "failed" and active.job.fail(index, end.reason):
                active.channel.say(events.ImageFailed, index=index, reason=end.reason)
            elif active.job.cancel(index):
                active.channel.say(events.ImageCancelled, index=index, was_running=False)

    async def stop(self) -> None:
        """Take nothing more and finish the pictures being saved; unfinished jobs go on at the next start."""
        self._stopping = True
        if self._alarm is not None:
            self._alarm.cancel()
        await self._reports.finish_or_leave()
        await self._keep.close()

    # ---- what routes ask ---------------------------------------------------------------------------------

    async def submit(
        self, request: GenRequest, caller: Caller, *, watched: bool = True, name: Name | None = None
    ) -> Job:
        """Accept a request: durable on return, possibly at an engine already. Raises HubError.

        `watched`: the sender looks at its previews; `name`: what it is called, where that is settled.
        """
        if self._stopping:
            raise HubError(STOPPING)
        if name is None or not name.again:
            self._floor.seats.demand(needs_of(request))
        return await self._take(request, caller, (), watched=watched, name=name)

    def check(self, request: GenRequest, caller: Caller, total: int) -> None:
        """Refuse what `submit` would, were it one of `total` images. Raises HubError."""
        if self._stopping:
            raise HubError(STOPPING)
        self._floor.seats.demand(needs_of(request))
        self._admit(request, caller, total, self._clock())

    def _admit(self, request: GenRequest, caller: Caller, total: int, now: float) -> None:
        if not self.is_known(caller.user):
            raise DeadSession
        self.admission.check(
            request,
            caller,
            total,
            waiting=self.counts(user=caller.user).waiting_gens,
            now=now,
            seconds=lambda images: self._floor.seats.speeds.whole.seconds(images, 0.0),
        )

    async def _take(
        self,
        request: GenRequest,
        caller: Caller,
        only: tuple[int, ...],
        *,
        watched: bool,
        name: Name | None = None,
    ) -> Job:
        allowed = caller.limits
        if self.safety.applies(allowed):  # before anything is counted, for this waits
            await self.safety.demand_texts(spread(request, "", caller.user, ""))
        now = self._clock()
        total = len(only) or request.images * request.batch_size
        self._admit(request, caller, total, now)
        kept = Kept(
            request,
            allowed.max_t2i_simultaneous,
            allowed.max_outpath_depth,
            allowed.allow_unsafe_outpaths,
            self._keep.next_count(caller.user, int(now // 60)),
            allowed.quotas.images_at_once,
            only,
            self.safety.applies(allowed),
        )
        number = self._keep.next_number(caller.user)
        name = name or Name(uuid4().hex, badge(caller.session))
        row = JobRow(name.job, caller.user, name.sender, number, "waiting", total, int(now * 1000))
        active = self._make(row, kept, frozenset())
        active.watched = watched or active.channel.watched
        self.admission.accepted(caller.user, row.id, now, total)
        await self._accept(active, row)
        return active.job

    async def _accept(self, active: Active, row: JobRow) -> None:
        """Write the row while the first images are already on their way to an engine."""
        active.announce()
        stored = self._keep.accept(row, active.kept)
        stored.add_done_callback(lambda done: self._stored(active, done))
        self._floor.enter(active)
        self._floor.pump()
        try:
            await asyncio.shield(stored)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            words = storage_trouble(error)
            if words is None:
                _log.exception("Job %s could not be written", row.id)
                words = "Its log says why."
            else:
                _log.error("Job %s could not be written: %s", row.id, error)
            raise HubError(f"The request could not be stored, so it was not started. {words}") from error

    def _stored(self, active: Active, done: "asyncio.Future[int]") -> None:
        if done.cancelled() or done.exception() is not None:
            active.refused = True
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
        stop: Stop = Stop.ALL,
    ) -> int:
        """Stop images of `user`: one `image` of a `job`, a `job`, a `session`, or everything he has.

        Only what was accepted before this call; other users are never touched. Gives how many images it met.
        Await `settled` to be sure that a killed hub remembers it.
        """
        wanted = None if session is None else badge(session)
        met = [
            active
            for active in self._floor.of(user)
            if (wanted is None or active.job.session == wanted)
            and (job is None or active.job.id == job)
            and (image is None or 0 <= image < len(active.job.pictures))
        ]
        concerned = self._floor.interrupt(met, image, stop)
        self._floor.pump()
        return sum(len(indices) for indices in concerned.values())

    async def forget(self, user: str) -> None:
        """Stop everything of a user whose account is gone, and remember nothing of it once the pictures that
        are just being saved are done with."""
        self.interrupt(user=user)
        self._floor.give_up(user)
        while self._floor.of(user):
            await self._reports.finish()
        self._floor.give_up(user)
        self._memory.forget(user)
        self._bus.feeds.forget(user)
        self._keep.forget_user(user)
        self.admission.forget(user)
        await self.settled()

    async def settled(self) -> None:
        """Wait until every word given so far would survive the end of this process."""
        await self._keep.settled()

    async def retry(self, job: str, caller: Caller) -> Job:
        """Ask once more for the images of an ended job that did not come, as a new job. Raises HubError."""
        if self._stopping:
            raise HubError(STOPPING)
        if self.find(job, caller.user) is not None:
            raise HubError("That job is not over yet. Wait for its end or cancel it first.", field="job")
        row = self._keep.row(job, caller.user)
        kept = None if row is None else self._keep.kept(row)
        kept, missing = missing_of(row, kept, await self._media.present(job))
        self._floor.seats.demand(needs_of(kept.request))
        return await self._take(kept.request, caller, missing, watched=False)

    def prioritise(self, job: str, user: str, priority: int) -> bool:
        """Set the priority of an unfinished job of `user` among his own; False when there is none."""
        active = self._floor.jobs.get(job)
        if active is None or active.job.user != user:
            return False
        self._arrange([(active, priority, active.place)])
        return True

    def reorder(self, jobs: Sequence[str], user: str) -> int:
        """Let unfinished jobs of `user` come in this order: they share out the places that they have among
        themselves. Gives how many there are; unknown ones count for nothing."""
        known = (self._floor.jobs.get(job) for job in dict.fromkeys(jobs))
        found = [active for active in known if active is not None and active.job.user == user]
        places = sorted((-active.priority, active.place) for active in found)
        self._arrange(
            [(active, -priority, place) for active, (priority, place) in zip(found, places, strict=True)]
        )
        return len(found)

    def _arrange(self, changes: Sequence[tuple[Active, int, int]]) -> None:
        for active, priority, place in changes:
            self._floor.arrange(active, priority, place)
        if changes:
            self._keep.arrange([(priority, place, active.job.id) for active, priority, place in changes])
            self._floor.pump()

    def figures(self) -> Figures:
        """The queue over all users."""
        return self._floor.figures()

    def engine_figures(self) -> list[EngineFigures]:
        """How full and how fast each engine is."""
        return self._floor.seats.figures()

    @property
    def paused(self) -> bool:
        """Whether waiting images are kept from being started."""
        return self._floor.paused

    def pause(self, paused: bool) -> None:
        """Keep waiting images of everyone from being started, or let them go on; a restart keeps to it."""
        self._floor.paused = paused
        self._keep.keep_text(PAUSED, "yes" if paused else "")
        self._floor.pump()

    def find(self, job: str, user: str) -> Job | None:
        """An unfinished job of `user`."""
        active = self._floor.jobs.get(job)
        return active.job if active is not None and active.job.user == user else None

    def asked(self, job: str, user: str, index: int | None = None) -> Asked | None:
        """What a job of `user`, or its image `index`, asks for; None once it is forgotten."""
        active = self._get(job, user)
        return None if active is None else active.asked(index)

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
        return self.listing.page(user, Filter(), sees_all=False)

    def number(self, user: str) -> int:
        """The number of the last event in the row of all of a user's jobs."""
        return self._bus.feeds.number(user)

    def missed(self, user: str, number: int) -> list[tuple[int, JobEvent]] | None:
        """The numbered events of all of a user's jobs after a number; None when some of them are gone."""
        return self._bus.feeds.after(user, number)

    def previews(self, user: str) -> Iterable[events.Progressed]:
        """The newest progress of every image of a user that is being drawn."""
        return [event for active in self._floor.of(user) for event in active.channel.previews()]

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

    def _wake_in(self, seconds: float) -> None:
        """Look again in a while, though nothing may have happened by then; the latest wish counts."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(max(0.01, seconds), self.go_on)

    def _wake(self) -> None:
        self._woken = False
        if not self._stopping:
            self._floor.engines_changed()

    # ---- ends --------------------------------------------------------------------------------------------

    def _write_end(self, active: Active, state: str) -> Written:
        active.finished = self._clock()
        active.ending = state
        # Told while the last image's row is on its way: that one counts as made already.
        made = active.job.made + (not active.job.ended)
        ended = int(active.finished * 1000)
        return self._keep.finish(active.job.id, state, active.job.reason, ended, made)

    def _ended(self, active: Active) -> None:
        if active.ending != active.job.state:
            active.channel.hold(self._write_end(active, active.job.state))
        self.admission.ended(active.job.user, active.job.id, active.job.made)
        self.ended_images.update(str(picture.state) for picture in active.job.pictures)
        if self._reports.onlooker is not None:
            occasion = occasion_of(active.created, active.kept.count, 0, active.job.user)
            over = Over(active.kept.request.of(0), active.works[0], occasion, active.job.made)
            self._reports.onlooker.ended(over)
        self._memory.remember(active)

    def _gone(self, active: Active, state: str, images: Collection[int], reason: str) -> None:
        written = self._keep.note(active.job.id, images, End(state, reason, self._clock()))
        active.channel.hold(written)

    # ---- inner -------------------------------------------------------------------------------------------

    def _make(self, row: JobRow, kept: Kept, done: frozenset[int]) -> Active:
        works = spread(kept.request, row.id, row.user, row.session)
        if kept.only:
            works = tuple(
                msgspec.structs.replace(works[picture], id=f"{row.id}:{index}")
                for index, picture in enumerate(kept.only)
            )

        def changed(difference: Difference) -> None:
            self._tallies.change(row.session, row.user, difference)

        job = Job(row.id, row.user, row.session, row.request_id, len(works), done=done, changed=changed)
        channel = self._bus.channel(row.id, row.user, row.session, row.request_id)
        self._sequence += 1
        active = Active(job, kept, works, channel, self._sequence, row.created / 1000)
        active.priority, active.place = row.priority, row.place or row.request_id
        return active

    def _get(self, job: str, user: str) -> Active | None:
        active = self._floor.jobs.get(job) or self._memory.get(job)
        return active if active is not None and active.job.user == user else None

    def _watching(self, user: str, job: str | None) -> None:
        """A listener of one job, or of all of a user's, has come or left."""
        concerned = self._floor.of(user) if job is None else filter(None, [self._floor.jobs.get(job)])
        for active in concerned:
            if active.job.user == user:
                self._floor.watch(active, active.channel.watched)

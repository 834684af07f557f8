"""The engines as the floor sees them: their places, who sits there, how fast they are. Never waits."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from backends.contract import Command, EngineState, EngineType
from hub.errors import HubError
from hub.jobs.choose import Choice, choose
from hub.jobs.fit import Seat, lacking, may_serve, misfit, not_now, refusal
from hub.jobs.need import Need
from hub.jobs.order import Line
from hub.jobs.pulse import Pulse
from hub.jobs.speed import Forecast, Speeds
from hub.params import Pairs, letters, pairs_now

_MOST_KNOWN = 4096  # answers kept about needs and engines, until an engine changes


class Engines(Protocol):
    """What the jobs room needs of the pool."""

    version: int

    def states(self) -> Sequence[EngineState]:
        """Every engine as it is now."""

    def types(self) -> Sequence[EngineType]:
        """What each type of engine accepts."""

    def send(self, engine_id: int, command: Command) -> None:
        """Hand a command to an engine without waiting."""


class EngineFigures(Struct, frozen=True):
    """An engine that is switched on: its number, title and status; how many images it has and could have
    besides; how many seconds it takes for an image, as measured, None before the first one."""

    id: int
    title: str
    status: str
    drawn: int
    free: int
    seconds_an_image: float | None


class Sitting:
    """An image at an engine: whose it is, what it costs in pixel steps, of how many steps, how many seconds
    of the time went into loading, and when it was heard of."""

    __slots__ = ("effort", "loading", "model", "pulse", "steps", "user")

    def __init__(self, user: str, model: str, effort: float, steps: int = 1) -> None:
        self.user = user
        self.model = model
        self.effort = effort
        self.steps = max(1, steps)
        self.loading = 0.0
        self.pulse = Pulse()


class Seats:
    """Every engine's places. `many` tells how many images wait with a need."""

    def __init__(self, line: Line[Need], clock: Callable[[], float]) -> None:
        self.speeds = Speeds()
        self.engines: Engines | None = None
        self.slots = 0
        self._line = line
        self._clock = clock
        self._kinds: Mapping[str, EngineType] = {}
        self._version = -1
        self._states: Sequence[EngineState] = ()
        self._pairs: dict[int, Pairs] = {}
        self._known: dict[tuple[Need, int], str | None] = {}
        self._refusing: dict[Need, tuple[str, ...]] = {}
        self._at: dict[int, dict[str, Sitting]] = {}
        self._alone: dict[int, str] = {}  # the image that shares an engine with no other
        self._passed: dict[Need, float] = {}  # since when a need is passed over

    def use(self, engines: Engines) -> None:
        """Take the pool, once it exists."""
        self.engines = engines
        self._kinds = {kind.id: kind for kind in engines.types()}

    # ---- as they are ---------------------------------------------------------------------------------------

    def states(self) -> Sequence[EngineState]:
        """The engines as of their last change."""
        engines = self.engines
        if engines is not None and engines.version != self._version:
            self._version = engines.version
            self._states = engines.states()
            self._known.clear()
            self._refusing.clear()
            self.slots = sum(
                state.slots
                for state in self._states
                if state.enabled and state.status not in ("disabled", "errored")
            )
            self._pairs = {
                state.id: pairs_now(kind, state)
                for state in self._states
                if (kind := self._kinds.get(state.type)) is not None
            }
            self.speeds.keep_only([state.id for state in self._states])
        return self._states

    def all(self) -> list[Seat]:
        """Every engine with its free places."""
        return [self._seat(state) for state in self.states()]

    def _seat(self, state: EngineState) -> Seat:
        held = len(self._at.get(state.id, ()))
        free = 0 if state.id in self._alone else state.slots - held
        kind = self._kinds.get(state.type)
        accepts = () if kind is None else kind.accepts
        return Seat(state, free, accepts, held, self._pairs.get(state.id))

    def title(self, engine: int) -> str:
        """What people are told an engine is."""
        states = (state for state in self.states() if state.id == engine)
        return next((Seat(state, 0).title for state in states), f"Backend {engine}")

    def why(self, need: Need, seat: Seat) -> str | None:
        """Why an engine can never take such an image; remembered until an engine changes."""
        key = (need, seat.id)
        if key in self._known:
            return self._known[key]
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
            self._refusing.clear()
        reason = self._known[key] = misfit(need, seat)
        return reason

    # ---- questions -----------------------------------------------------------------------------------------

    def refuse(self, need: Need, *, accepted: bool = False) -> str | None:
        """Why no engine will ever take such an image as things stand, None when one will."""
        return refusal(need, self.all(), accepted=accepted)

    def demand(self, needs: Iterable[Need]) -> None:
        """Refuse images of which no engine will ever take some, by the parameter when that is why. Raises
        HubError."""
        for need in dict.fromkeys(needs):
            reason = self.refuse(need)
            if reason is not None:
                parameter = lacking(need, self.all())
                extra: dict[str, Any] = {} if parameter is None else {"field": letters(parameter)}
                raise HubError(reason, **extra)

    def refusing(self, need: Need) -> tuple[str, ...]:
        """Why some of the engines never take such an image, a sentence each."""
        self.states()
        found = self._refusing.get(need)
        if found is None:
            seats = [seat for seat in self.all() if seat.state.enabled]
            reasons = (self.why(need, seat) for seat in seats)
            found = self._refusing[need] = tuple(reason for reason in reasons if reason is not None)
        return found

    def not_now(self, need: Need) -> list[str]:
        """Why no engine takes such an image now, a sentence each."""
        found = []
        for seat in self.all():
            reason = not_now(need, seat)
            if reason is None and need in self._passed:
                reason = (
                    f"{seat.title} is left to others for a moment: waiting for another engine or for the one "
                    "with the model in memory takes less time."
                )
            if reason is not None:
                found.append(reason)
        return found

    def takes(self, need: Need) -> list[int]:
        """The engines that may ever take such an image."""
        seats = [seat for seat in self.all() if may_serve(seat.state)]
        return [seat.id for seat in seats if self.why(need, seat) is None]

    def forecast(self) -> Forecast[Need]:
        """How long what waits now takes."""
        waiting = {need: many for need in self._line.needs() if (many := self._line.many(need))}
        return Forecast(self.speeds, waiting, lambda need: (need.model, self.takes(need)))

    def figures(self) -> list[EngineFigures]:
        """How full and how fast each engine is."""
        found = []
        for seat in self.all():
            if seat.state.enabled:
                seconds = self.speeds.seconds(seat.id)
                free = max(0, seat.free) if seat.state.status == "running" else 0
                found.append(
                    EngineFigures(seat.id, seat.state.title, seat.state.status, seat.held, free, seconds)
                )
        return found

    # ---- sitting down and getting up -----------------------------------------------------------------------

    def choose(self, needs: Sequence[Need]) -> Choice:
        """Who goes where next, and who is passed over."""
        choice = choose(needs, self.all(), self, self.why)
        now = self._clock()
        for need in choice.passed:
            self._passed.setdefault(need, now)
        if choice.need is not None:
            self._passed.pop(choice.need, None)
        if len(self._passed) > _MOST_KNOWN:
            self._passed = {need: since for need, since in self._passed.items() if self._line.many(need)}
        return choice

    def sit(self, engine: int, item: str, sitting: Sitting, *, alone: bool) -> None:
        """An engine takes a work."""
        self._at.setdefault(engine, {})[item] = sitting
        self.speeds.begin(engine, sitting.model, self._clock())
        if alone:
            self._alone[engine] = item

    def rise(self, engine: int, item: str, *, done: bool) -> Sitting | None:
        """An engine has let go of a work, which is `done` or not."""
        if self._alone.get(engine) == item:
            del self._alone[engine]
        held = self._at.get(engine, {}).pop(item, None)
        if held is not None:
            effort = held.effort if done else 0.0
            self.speeds.end(engine, held.model, self._clock(), effort, held.loading)
        return held

    def spent_loading(self, engine: int, item: str, seconds: float) -> None:
        """So much of a work's time its engine spent on loading the model."""
        held = self._at.get(engine, {}).get(item)
        if held is not None and seconds > 0:
            held.loading = seconds
            self.speeds.loaded(engine, held.model, seconds)

    # ---- whether they go on --------------------------------------------------------------------------------

    def sign(self, engine: int, item: str, now: float) -> None:
        """An engine says something of a work at `now` (seconds of a steadily growing clock)."""
        held = self._at.get(engine, {}).get(item)
        if held is not None:
            held.pulse.sign(now)

    def forgive(self, now: float) -> None:
        """Nothing could be heard for a while, for a reason of our own."""
        for items in self._at.values():
            for held in items.values():
                held.pulse.forgive(now)

    def stuck(self, now: float, least: float) -> list[tuple[int, str, Pulse, float]]:
        """The works of which their engines have said nothing for too long: engine, work, its pulse, and for
        how many seconds."""
        found = []
        for engine, items in self._at.items():
            for item, held in items.items():
                rate = self.speeds.rate(engine, held.model)
                step = held.effort / held.steps / rate * len(items) if rate else 0.0
                if quiet := held.pulse.quiet(now, least, step):
                    found.append((engine, item, held.pulse, quiet))
        return found

    def holds(self, engine: int, item: str) -> bool:
        """Whether an engine still has a work."""
        return item in self._at.get(engine, {})

    def held(self) -> Collection[str]:
        """Every work that an engine has."""
        return [item for items in self._at.values() for item in items]

    # ---- what choosing is told (choose.Scales) -------------------------------------------------------------

    def load(self, engine: int, model: str) -> float:
        """Seconds to load a model."""
        return self.speeds.load(engine, model)

    def draw(self, engine: int, model: str) -> float | None:
        """Seconds for an average image."""
        return self.speeds.draw(engine, model)

    def free_in(self, engine: int) -> float | None:
        """Seconds until an engine has a place."""
        return self.speeds.free_in(engine, self._clock())

    def images(self, need: Need) -> int:
        """How many images wait with a need."""
        return self._line.many(need)

    def waited(self, need: Need) -> float:
        """For how long it has been passed over."""
        since = self._passed.get(need)
        return 0.0 if since is None else self._clock() - since

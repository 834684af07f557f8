"""How fast each engine is with each model, and how long it takes to load one, as measured. Pure."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from math import inf
from typing import Generic, TypeVar

from msgspec import Struct

from hub.jobs.place import Pace

FADES = 0.3
"""How much a new measurement of a loading counts against the older ones."""


MOST_KEPT = 500
"""Models, over all engines, whose speeds are kept over restarts: those measured last."""

Sums = tuple[float, float, float]
"""Busy seconds, pixel steps and finished images."""


class OfModel(Struct, frozen=True):
    """An engine with a model: its sums, and the seconds that loading takes (0: never loaded)."""

    engine: int
    model: str
    sums: Sums = (0.0, 0.0, 0.0)
    load: float = 0.0


class Measurements(Struct, frozen=True):
    """What is kept over restarts: of all engines together, of each engine, of their models."""

    whole: Sums = (0.0, 0.0, 0.0)
    engines: dict[int, Sums] = {}
    loads: dict[int, float] = {}
    models: list[OfModel] = []


class Speeds:
    """Measurements by engine and model. Speeds are in pixel steps a second."""

    def __init__(self) -> None:
        self.whole = Pace()
        """All engines together."""
        self._engines: dict[int, Pace] = {}
        self._paces: dict[tuple[int, str], Pace] = {}
        self._loads: dict[tuple[int, str], float] = {}
        self._any_load: dict[int, float] = {}
        self._moved: dict[int, float] = {}  # when an engine last took an image while idle, or finished one

    # ---- measuring ---------------------------------------------------------------------------------------

    def begin(self, engine: int, model: str, now: float) -> None:
        """An engine takes an image at `now` (seconds)."""
        whole = self._engines.setdefault(engine, Pace())
        if pair := self._paces.pop((engine, model), None):
            self._paces[engine, model] = pair  # the one used last comes last
        if not whole.held:
            self._moved[engine] = now
        for pace in (self.whole, whole, self._paces.setdefault((engine, model), Pace())):
            pace.begin(now)

    def end(self, engine: int, model: str, now: float, work: float = 0.0, loading: float = 0.0) -> None:
        """An engine lets an image go: finished when `work` (pixel steps) is more than none; `loading` seconds
        of the time were spent on loading its model."""
        self._moved[engine] = now
        self.whole.end(now, work)
        for pace in (self._engines.get(engine), self._paces.get((engine, model))):
            if pace is not None:
                pace.end(now, work, loading)

    def loaded(self, engine: int, model: str, seconds: float) -> None:
        """An engine has loaded a model in so many seconds."""
        if seconds <= 0:
            return
        pair = (engine, model)
        self._loads[pair] = _faded(self._loads.get(pair, seconds), seconds)
        self._any_load[engine] = _faded(self._any_load.get(engine, seconds), seconds)

    def keep_only(self, engines: Collection[int]) -> None:
        """Forget the engines that are gone; their numbers are never given again, but the list would grow."""
        self._engines = {one: pace for one, pace in self._engines.items() if one in engines}
        self._any_load = {one: load for one, load in self._any_load.items() if one in engines}
        self._moved = {one: moved for one, moved in self._moved.items() if one in engines}
        self._paces = {pair: pace for pair, pace in self._paces.items() if pair[0] in engines}
        self._loads = {pair: load for pair, load in self._loads.items() if pair[0] in engines}

    # ---- over restarts ------------------------------------------------------------------------------------

    def measurements(self) -> Measurements:
        """What is worth keeping."""
        loaded = [pair for pair in self._loads if pair not in self._paces]
        models = [
            OfModel(*pair, self._paces.get(pair, _UNMEASURED).sums, self._loads.get(pair, 0.0))
            for pair in [*loaded, *self._paces][-MOST_KEPT:]
        ]
        engines = {one: pace.sums for one, pace in self._engines.items()}
        return Measurements(self.whole.sums, engines, dict(self._any_load), models)

    def recall(self, kept: Measurements) -> None:
        """Begin with what was measured in an earlier life, of which nothing is measured in this one yet."""
        self.whole.recall(kept.whole)
        for engine, sums in kept.engines.items():
            self._engines.setdefault(engine, Pace()).recall(sums)
        self._any_load = {engine: load for engine, load in kept.loads.items() if 0 < load < inf}
        for one in kept.models[-MOST_KEPT:]:
            self._paces.setdefault((one.engine, one.model), Pace()).recall(one.sums)
            if 0 < one.load < inf:
                self._loads[one.engine, one.model] = one.load

    # ---- asking ------------------------------------------------------------------------------------------

    def rate(self, engine: int, model: str) -> float | None:
        """Pixel steps a second with a model, else with any; None before the engine has finished an image."""
        for pace in (self._paces.get((engine, model)), self._engines.get(engine)):
            if pace is not None and (rate := pace.rate) is not None:
                return rate
        return None

    def draw(self, engine: int, model: str) -> float | None:
        """Seconds for an average image with a model, None before one was finished."""
        pace = self._paces.get((engine, model))
        return None if pace is None else pace.seconds(1, 0.0)

    def seconds(self, engine: int) -> float | None:
        """Seconds for an average image of any model, None before one was finished."""
        pace = self._engines.get(engine)
        return None if pace is None else pace.seconds(1, 0.0)

    def load(self, engine: int, model: str) -> float:
        """Seconds to load a model, else any model, 0 before one was loaded."""
        return self._loads.get((engine, model)) or self._any_load.get(engine, 0.0)

    def free_in(self, engine: int, now: float) -> float | None:
        """Seconds until a busy engine is expected to have finished one of its images."""
        seconds = self.seconds(engine)
        if seconds is None:
            return None
        return max(0.0, seconds - (now - self._moved.get(engine, now)))


_UNMEASURED = Pace()


def _faded(before: float, now: float) -> float:
    return before + FADES * (now - before)


N = TypeVar("N", bound=Hashable)


class Forecast(Generic[N]):
    """How long it takes until images are done, where not every engine takes every image and not all are
    equally fast.

    `waiting` is how many images wait with each need, `takes` tells the model of a need and the engines it may
    go to. An image
    that may also go elsewhere hinders an image here by the part of its engines' speed that is here.
    """

    def __init__(
        self, speeds: Speeds, waiting: Mapping[N, int], takes: Callable[[N], tuple[str, Collection[int]]]
    ) -> None:
        self._speeds = speeds
        self._waiting = waiting
        self._takes = takes
        self._known: dict[N, Mapping[int, float]] = {}

    def _rates(self, need: N) -> Mapping[int, float]:
        """Each engine's speed; one that was never measured is as fast as the others are on average."""
        if need not in self._known:
            self._known[need] = self._rates_of(*self._takes(need))
        return self._known[need]

    def _rates_of(self, model: str, engines: Collection[int]) -> Mapping[int, float]:
        known = {engine: self._speeds.rate(engine, model) for engine in engines}
        measured = [rate for rate in known.values() if rate]
        usual = sum(measured) / len(measured) if measured else self._speeds.whole.rate
        if usual is None:
            return {}
        return {engine: rate or usual for engine, rate in known.items()}

    def _overlap(self, other: N, need: N) -> float:
        """What part of another need's engines, by speed, is open to ours too."""
        rates = self._rates(other)
        total = sum(rates.values())
        ours = self._rates(need)
        return sum(rate for engine, rate in rates.items() if engine in ours) / total if total else 1.0

    def seconds(self, need: N, images: int, own: Iterable[tuple[N, float]]) -> float | None:
        """Seconds until `images` of others and one's `own` before it, each as need and pixel steps, are out
        of the way of an image; None while nothing is known."""
        rate = sum(self._rates(need).values())
        if not rate:
            return None
        count = sum(self._waiting.values())
        part = sum(many * self._overlap(other, need) for other, many in self._waiting.items())
        share = part / count if count else 1.0
        effort = sum(work * self._overlap(other, need) for other, work in own)
        return (images * share * self._speeds.whole.mean_work + effort) / rate

"""Works from their submission to their first step: checked, what they need loaded beside running ones,
prepared between the steps of others.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from backends.contract import (
    Cancelled,
    Emit,
    Failed,
    Held,
    Loaded,
    LoadFailed,
    Loading,
    Log,
    ModelRef,
    Report,
    Work,
)
from backends.diffusers_local.loading.fetch import Fetched, Fetcher
from backends.diffusers_local.loading.gather import Kit, Need, gather, needs, paths_of
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.loading.weights import ModelTrouble
from backends.diffusers_local.prepare import Refused, check

Say = Callable[[Report], None]
"""Takes a report, to be told in order."""

_PATIENCE = 16  # newer works that may overtake one for which there is no room


@dataclass(slots=True, eq=False)
class Arrival:
    """A work that is not prepared yet. `missing` is what is being loaded for it, once it was `looked` for;
    before that it waits for room beside the works being drawn, and `passed` newer ones have overtaken it.
    """

    work: Work
    looked: bool = False
    tried: int = -1
    passed: int = 0
    missing: set[Need] = field(default_factory=set)
    seconds: float = 0.0


class Newcomers:
    """The works not yet prepared, oldest first. Lives on the engine's thread."""

    def __init__(self, shelf: Shelf, fetcher: Fetcher, say: Say, log: Emit) -> None:
        self._shelf = shelf
        self._fetcher = fetcher
        self._say = say
        self._log = log
        self._arrivals: list[Arrival] = []
        self._tickets: list[tuple[str, Need]] = []
        self._pinning: set[str] = set()  # the works whose files are pinned
        self._changes = 0  # grows when there may be room for others
        self.pins: frozenset[str] = frozenset()
        """Paths of what must stay in memory; read by the thread that loads too."""

    def __bool__(self) -> bool:
        """Something here is still to come, or could be prepared."""
        return bool(self._arrivals or self._fetcher.busy)

    @property
    def works(self) -> list[Work]:
        """What waits here."""
        return [arrival.work for arrival in self._arrivals]

    @property
    def loading(self) -> bool:
        """Something comes from the disk."""
        return self._fetcher.busy

    # ---- commands ------------------------------------------------------------------------------------------

    def add(self, work: Work) -> None:
        """Take a work in, or fail it."""
        try:
            check(work)
        except Refused as refused:
            self._say(Failed(work.id, str(refused)))
        else:
            self._arrivals.append(Arrival(work))

    def cancel(self, ids: frozenset[str]) -> None:
        """Drop these. What is being loaded for them is loaded to its end and stays for the next."""
        for arrival in [one for one in self._arrivals if one.work.id in ids]:
            self._arrivals.remove(arrival)
            self._say(Cancelled(arrival.work.id))

    def load(self, ticket: str, ref: ModelRef) -> None:
        """Bring a model into memory for nobody in particular."""
        need = Need("model", ref)
        if self._shelf.find(need.kind, ref) is not None:
            self._say(Loaded(ref.name, self._shelf.names, ticket))
            return
        self._tickets.append((ticket, need))
        self._fetcher.ask(need)

    def free(self) -> None:
        """Let go of what no work needs."""
        self._fetcher.free()

    # ---- turns ---------------------------------------------------------------------------------------------

    def look(self, drawing: Sequence[Work]) -> None:
        """Take what was loaded, and have loaded what the latest need, as far as it fits beside what the works
        being drawn need.
        """
        came = self._fetcher.take()
        for fetched in came:
            self._take(fetched)
        if came:
            self._changes += 1
            self._shelf.sweep()
        if any(fetched.need is None for fetched in came):
            self._shelf.collect()
        self._pin(drawing)
        for arrival in [arrival for arrival in self._arrivals if not arrival.looked]:
            if arrival.tried != self._changes and self._fits(arrival):
                self._look_for(arrival)
                self._pin(drawing)
            else:
                arrival.tried = self._changes
                if arrival.passed >= _PATIENCE:
                    return

    def _pin(self, drawing: Sequence[Work]) -> None:
        works = [*drawing, *(arrival.work for arrival in self._arrivals if arrival.looked)]
        ids = {work.id for work in works}
        if ids != self._pinning:
            self._pinning = ids
            self.pins = frozenset(path for work in works for path in paths_of(work))
            self._changes += 1

    def _fits(self, arrival: Arrival) -> bool:
        """Nothing has to be loaded for it, or there is room, or nobody else is here."""
        lacking = {need for need in needs(arrival.work) if not self._holds(need)}
        coming = {need for one in self._arrivals for need in one.missing}
        if not self._pinning or lacking <= coming:
            return True
        return self._shelf.has_room({(need.kind, need.ref) for need in lacking | coming}, self.pins)

    def _holds(self, need: Need) -> bool:
        return self._shelf.find(need.kind, need.ref, need.over) is not None

    def next(self, drawing: Sequence[Work]) -> tuple[Work, Kit] | None:
        """A work with everything it needs, which leaves here: of the user who has the fewest at work, the
        oldest.
        """
        at_work = Counter(work.user for work in drawing)
        ready = [one for one in self._arrivals if one.looked and not one.missing]
        for arrival in sorted(ready, key=lambda one: at_work[one.work.user]):
            try:
                kit = gather(arrival.work, self._shelf, arrival.seconds)
            except KeyError:  # it was let go in the meantime
                arrival.looked, arrival.tried = False, -1
                continue
            except (ModelTrouble, Refused) as refused:
                self._fail([arrival], str(refused))
                continue
            for older in self._arrivals[: self._arrivals.index(arrival)]:
                older.passed += not older.looked
            self._arrivals.remove(arrival)
            return arrival.work, kit
        return None

    def _look_for(self, arrival: Arrival) -> None:
        arrival.looked = True
        for need in needs(arrival.work):
            if not self._holds(need):
                self._say(Loading(arrival.work.id, need.ref.name))
                arrival.missing.add(need)
                self._fetcher.ask(need)

    # ---- what was loaded -----------------------------------------------------------------------------------

    def _take(self, fetched: Fetched) -> None:
        need = fetched.need
        if need is None:
            self._say(Held(self._shelf.names))
            return
        waiting = [arrival for arrival in self._arrivals if need in arrival.missing]
        tickets = [ticket for ticket, wanted in self._tickets if wanted == need]
        self._tickets = [(ticket, wanted) for ticket, wanted in self._tickets if wanted != need]
        if need.kind == "model":
            self._tell_model(need, fetched, [*tickets, *([""] if waiting or not tickets else [])])
        if fetched.trouble:
            if fetched.surprise:
                self._log(Log("error", fetched.trouble))
            self._fail(waiting, fetched.trouble)
            return
        for arrival in waiting:
            arrival.missing.discard(need)
            arrival.seconds += fetched.seconds

    def _tell_model(self, need: Need, fetched: Fetched, tickets: Collection[str]) -> None:
        name, held = need.ref.name, self._shelf.names
        for ticket in tickets:
            if fetched.trouble:
                self._say(LoadFailed(name, fetched.trouble, ticket))
            else:
                self._say(Loaded(name, held, ticket, fetched.seconds))
        if fetched.trouble:  # what was let go to make room is gone all the same
            self._say(Held(held))

    def _fail(self, arrivals: Sequence[Arrival], reason: str) -> None:
        for arrival in arrivals:
            self._arrivals.remove(arrival)
            self._say(Failed(arrival.work.id, reason))

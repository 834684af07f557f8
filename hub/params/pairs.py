"""Which samplers and schedulers go together on the engines here, for a class of models. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from backends.contract import EngineType
from hub.errors import BadInput

Table = Mapping[str, tuple[str, ...]]
"""Schedulers by sampler."""


class Asked(Struct, frozen=True):
    """For whom: a model's class id, and the type of engine when a request names one."""

    class_id: str
    engine_type: str | None = None


class Pairs:
    """Samplers and schedulers of all types of engines; no type at all narrows nothing."""

    def __init__(self, types: Sequence[EngineType]) -> None:
        self._types = types
        self._known: dict[Asked, tuple[Table, ...]] = {}

    def goes(self, sampler: str, scheduler: str, asked: Asked) -> bool:
        """Whether some engine takes both together."""
        tables = self._tables(asked)
        return not tables or any(_takes(table, sampler, scheduler) for table in tables)

    def has(self, sampler: str, scheduler: str, class_id: str) -> bool:
        """As `goes`, for models of a class and whatever type of engine."""
        return self.goes(sampler, scheduler, Asked(class_id))

    def own(self, asked: Asked) -> tuple[str | None, str | None]:
        """The sampler, and the scheduler, that an engine puts first for a class with samplers of its own."""
        for kind in self._types:
            table = kind.class_pairs.get(asked.class_id, {})
            for sampler, schedulers in table.items():
                return sampler, next(iter(schedulers), None)
        return None, None

    def of_class(self, class_id: str) -> tuple[str | None, str | None]:
        """As `own`, for whatever type of engine."""
        return self.own(Asked(class_id))

    def first(self, asked: Asked, samplers: Iterable[str], schedulers: Iterable[str]) -> tuple[str, str]:
        """The first sampler, and the first scheduler it goes with; the first of each when none do."""
        samplers, schedulers = list(samplers), list(schedulers)
        for sampler in samplers:
            for scheduler in schedulers:
                if self.goes(sampler, scheduler, asked):
                    return sampler, scheduler
        return samplers[0], schedulers[0]

    def check(self, sampler: str, scheduler: str, asked: Asked, *, prefix: str = "") -> None:
        """Raises BadInput naming what goes. `prefix` is "Refiner " for the second pass's parameters."""
        if self.goes(sampler, scheduler, asked):
            return
        fitting = list(dict.fromkeys(name for t in self._tables(asked) for name in _schedulers(t, sampler)))
        if fitting:
            name, limit = "Scheduler", fitting
            reason = f"the sampler '{sampler}' does not go with the scheduler '{scheduler}'; it goes with: "
        else:
            name = "Sampler"
            limit = list(dict.fromkeys(sampler for t in self._tables(asked) for sampler in t))
            reason = (
                f"'{sampler}' cannot draw with models of the kind {asked.class_id or 'asked for'}; what can: "
            )
        full = f"{prefix}{name}"
        raise BadInput(
            f"Invalid value for parameter {full}: {reason}{', '.join(limit)}",
            field=full.replace(" ", "").lower(),
            limit=limit,
        )

    def most_steps(self, sampler: str, scheduler: str, asked: Asked) -> int | None:
        """The most steps that an engine which takes both can be asked for, None for any number."""
        most: int | None = None
        for kind in self._types:
            if not any(_takes(table, sampler, scheduler) for table in self._of(kind, asked)):
                continue
            limits = [kind.most_steps[name] for name in (sampler, scheduler) if name in kind.most_steps]
            if not limits or asked.class_id in kind.class_pairs:  # a class's own samplers are others
                return None
            most = max(most or 0, min(limits))
        return most

    def check_steps(
        self, sampler: str, scheduler: str, steps: int, asked: Asked, *, prefix: str = ""
    ) -> None:
        """Raises BadInput for more steps than the sampler or the scheduler has."""
        most = self.most_steps(sampler, scheduler, asked)
        if most is not None and steps > most:
            raise BadInput(
                f"Invalid value for parameter {prefix}Steps: {steps}, the sampler '{sampler}' with the "
                f"scheduler '{scheduler}' takes at most {most} steps",
                field=f"{prefix}steps".replace(" ", "").lower(),
                limit=most,
            )

    def _tables(self, asked: Asked) -> tuple[Table, ...]:
        """For each engine type that may be asked: its samplers with the schedulers each goes with."""
        tables = self._known.get(asked)
        if tables is None:
            tables = self._known[asked] = tuple(t for kind in self._types for t in self._of(kind, asked))
        return tables

    def _of(self, kind: EngineType, asked: Asked) -> Iterator[Table]:
        """The table of one type, none when it cannot be meant or narrows nothing."""
        if asked.engine_type not in (None, kind.id) or not kind.draws(asked.class_id):
            return
        own = kind.class_pairs.get(asked.class_id)
        if own is not None:
            yield own
        elif kind.samplers:
            yield {name: kind.pairs.get(name, kind.schedulers) for name in kind.samplers}


def _takes(table: Table, sampler: str, scheduler: str) -> bool:
    # an engine that names no schedulers narrows them to none
    return sampler in table and (not table[sampler] or scheduler in table[sampler])


def _schedulers(table: Table, sampler: str) -> tuple[str, ...]:
    return table.get(sampler, ())

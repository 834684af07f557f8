"""Which sampler and scheduler a request is drawn with: what it says, else what the model wants and can."""

from collections.abc import Iterator, Mapping

from hub.catalog import Entry
from hub.params.collect import Value
from hub.params.context import Context
from hub.params.pairs import Asked

_SAMPLER, _SCHEDULER = "euler", "normal"


def fill_method(values: dict[str, Value], entry: Entry, context: Context) -> Iterator[str]:
    """Put a sampler and a scheduler where the request names none; the ids that were filled.

    What is filled goes with what was given. Raises BadInput when what was given does not go together.
    """
    registry, own = context.registry, entry.defaults
    asked = _asked(values, entry)
    given, named = values.get("sampler"), values.get("scheduler")
    usual, spacing = registry.pairs.own(asked)
    samplers = _wanted(given, registry.source("samplers").names, own.sampler, usual, _SAMPLER)
    schedulers = _wanted(named, registry.source("schedulers").names, own.scheduler, spacing, _SCHEDULER)
    sampler, scheduler = registry.pairs.first(asked, samplers, schedulers)
    registry.pairs.check(sampler, scheduler, asked)
    values["sampler"], values["scheduler"] = sampler, scheduler
    if given is None:
        yield "sampler"
    if named is None:
        yield "scheduler"


def fit_steps(values: dict[str, Value], entry: Entry, context: Context, *, filled: bool) -> None:
    """Hold the steps to what the sampler and scheduler take: lowered when nobody asked for them (`filled`),
    else refused. Raises BadInput.
    """
    sampler, scheduler, steps = str(values["sampler"]), str(values["scheduler"]), values["steps"]
    pairs, asked = context.registry.pairs, _asked(values, entry)
    if not isinstance(steps, int):
        return
    if filled:
        most = pairs.most_steps(sampler, scheduler, asked)
        values["steps"] = steps if most is None else min(steps, most)
    else:
        pairs.check_steps(sampler, scheduler, steps, asked)


def check_second(
    values: dict[str, Value], entry: Entry, sampler: str, scheduler: str, context: Context
) -> None:
    """Refuse a second pass whose sampler, scheduler and steps do not go together. Raises BadInput."""
    pairs, asked = context.registry.pairs, _asked(values, entry)
    pairs.check(sampler, scheduler, asked, prefix="Refiner ")
    steps = values.get("refinersteps", values["steps"])
    if isinstance(steps, int):
        pairs.check_steps(sampler, scheduler, steps, asked, prefix="Refiner ")


def _asked(values: dict[str, Value], entry: Entry) -> Asked:
    kind = values.get("internalbackendtype")
    return Asked(entry.class_id, kind if isinstance(kind, str) else None)


def _wanted(given: Value | None, known: Mapping[str, str], *wanted: str | None) -> list[str]:
    """What was given alone; else the wanted ones that some engine can do, and after them all it can."""
    if isinstance(given, str):
        return [given]
    return list(dict.fromkeys([*(name for name in wanted if name is not None and name in known), *known]))

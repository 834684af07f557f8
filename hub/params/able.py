"""What the engines decide of the parameters: samplers, schedulers, features. Pure, of one moment."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from backends.contract import EngineState, EngineType
from hub.catalog import plain
from hub.params.pairs import Pairs
from hub.params.samplers import SAMPLERS, SCHEDULERS, honoured


class Choices(Struct, frozen=True):
    """What a dropdown offers: display names by value, and values by their plain form for loose matching."""

    names: Mapping[str, str]
    plain: Mapping[str, str]


class Able:
    """What engines of these kinds can do. `features` is None when there are none: nothing is narrowed then.

    `nearest` names for a documented sampler or scheduler that none has the one that comes nearest.
    """

    def __init__(self, kinds: Sequence[EngineType]) -> None:
        self.features = frozenset(flag for kind in kinds for flag in kind.features) if kinds else None
        self.pairs = Pairs(kinds)
        self.nearest = {name: near for kind in kinds for name, near in kind.nearest.items()}
        self.samplers = choices_of(honoured(SAMPLERS, map(_samplers, kinds)))
        self.schedulers = choices_of(honoured(SCHEDULERS, map(_schedulers, kinds)))


def kind_now(kind: EngineType, state: EngineState) -> EngineType:
    """A type as one of its engines is: what that one has said of itself counts."""
    return msgspec.structs.replace(
        kind,
        features=state.features,
        samplers=state.samplers or kind.samplers,
        schedulers=state.schedulers or kind.schedulers,
    )


def pairs_now(kind: EngineType, state: EngineState) -> Pairs:
    """The samplers and schedulers of one engine as it is."""
    return Pairs([kind_now(kind, state)])


def kinds_of(types: Sequence[EngineType], states: Iterable[EngineState]) -> tuple[EngineType, ...]:
    """The kinds of the engines that are switched on, each as it is now; the types when there is none."""
    known = {kind.id: kind for kind in types}
    found: list[EngineType] = []
    for state in sorted(states, key=lambda state: state.id):
        if state.enabled and state.type in known:
            kind = kind_now(known[state.type], state)
            if kind not in found:
                found.append(kind)
    return tuple(found) or tuple(types)


def choices_of(names: Mapping[str, str]) -> Choices:
    """A dropdown of values with their display names."""
    forms: dict[str, str] = {}
    for value in names:
        forms.setdefault(plain(value), value)
    return Choices(names=names, plain=forms)


def _samplers(kind: EngineType) -> list[str]:
    """Every sampler of a kind of engine, those of single model classes last."""
    return [*kind.samplers, *(name for table in kind.class_pairs.values() for name in table)]


def _schedulers(kind: EngineType) -> list[str]:
    own = (names for table in kind.class_pairs.values() for names in table.values())
    return [*kind.schedulers, *(name for names in own for name in names)]

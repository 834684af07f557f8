"""Every parameter of this hub: collected from the group files, with the values that the engines decide."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from backends.contract import EngineState, EngineType
from hub.catalog import plain
from hub.params import groups as group_files
from hub.params.keys import DOCUMENTED, REMAPS, letters
from hub.params.pairs import Pairs
from hub.params.samplers import SAMPLERS, SCHEDULERS, honoured
from hub.params.spec import Group, Param, Source


class Choices(Struct, frozen=True):
    """What a dropdown offers: display names by value, and values by their plain form for loose matching."""

    names: Mapping[str, str]
    plain: Mapping[str, str]


MODEL_METHOD = "model-"
"""What stands before an upscaling model's name among the ways to enlarge."""

_ENLARGE = (
    *(f"pixel-{how}" for how in ("lanczos", "bicubic", "area", "bilinear", "nearest-exact")),
    *(f"latent-{how}" for how in ("bicubic", "bilinear", "nearest-exact")),
)


class DoubleDeclaration(Exception):
    """Two declarations share an id; raised at start."""


class Registry:
    """The parameters in the order of declaration, and what is known of the engines.

    `types` are the kinds of engines there are; `engines` gives the engines as they are now; `features` are
    what any of the kinds can do, None when no kind is known.
    """

    def __init__(
        self,
        types: Sequence[EngineType] = (),
        engines: Callable[[], Sequence[EngineState]] = tuple,
    ) -> None:
        self.groups, params = _collect()
        self.params: Mapping[str, Param] = MappingProxyType({param.id: param for param in params})
        self._places = {param.id: place for place, param in enumerate(params)}
        self._engines = engines
        self.features = frozenset(flag for kind in types for flag in kind.features) if types else None
        self.pairs = Pairs(types)
        self._nearest = {name: near for kind in types for name, near in kind.nearest.items()}
        self._fixed: dict[str, Choices] = {
            "samplers": _choices(honoured(SAMPLERS, map(_samplers, types))),
            "schedulers": _choices(honoured(SCHEDULERS, map(_schedulers, types))),
            "upscale_methods": _choices({name: _in_words(name) for name in _ENLARGE}),
            "engine_types": _choices({"Any": "Any"} | {kind.id: kind.name for kind in types}),
        }
        self._listed = {
            param.id: _choices(dict(zip(param.values, param.value_names or param.values, strict=True)))
            for param in params
            if param.values is not None
        }

    def find(self, key: str) -> Param | None:
        """The parameter that a key of any spelling means, None when this hub has none of that id."""
        param = self.params.get(key)
        if param is not None:
            return param
        word = letters(key)
        return self.params.get(REMAPS.get(word, word))

    def place(self, key: str) -> int:
        """Where a parameter stands in the order of declaration, by its id."""
        return self._places[key]

    def documented(self, key: str) -> str | None:
        """The id of a documented parameter that this hub does without, None for words that nobody knows."""
        word = letters(key)
        word = REMAPS.get(word, word)
        return word if word in DOCUMENTED else None

    def choices(self, param: Param, upscalers: Iterable[str] = ()) -> Choices | None:
        """What a dropdown offers now; None when the parameter has no list.

        `upscalers` are the names of the upscaling models that the caller may use.
        """
        if param.source is None:
            return self._listed.get(param.id)
        found = self.source(param.source)
        if param.source != "upscale_methods":
            return found
        models = {MODEL_METHOD + name: f"Model: {name.removesuffix('.safetensors')}" for name in upscalers}
        return _choices({**found.names, **models}) if models else found

    def nearest(self, name: str) -> str | None:
        """The sampler or scheduler that comes nearest to a documented one that no engine here has."""
        return self._nearest.get(name.strip().lower())

    def source(self, source: Source) -> Choices:
        """The values that the engines decide."""
        if source == "engines":
            states = sorted(self._engines(), key=lambda state: state.id)
            return _choices({str(s.id): f"{s.id}: {s.title or s.type}" for s in states})
        return self._fixed[source]


def _choices(names: Mapping[str, str]) -> Choices:
    forms: dict[str, str] = {}
    for value in names:
        forms.setdefault(plain(value), value)
    return Choices(names=names, plain=forms)


def _samplers(kind: EngineType) -> list[str]:
    """Every sampler of a type of engine, those of single model classes last."""
    return [*kind.samplers, *(name for table in kind.class_pairs.values() for name in table)]


def _schedulers(kind: EngineType) -> list[str]:
    own = (names for table in kind.class_pairs.values() for names in table.values())
    return [*kind.schedulers, *(name for names in own for name in names)]


def _in_words(method: str) -> str:
    """`pixel-lanczos` as "Pixel: lanczos"."""
    space, _, how = method.partition("-")
    return f"{space.capitalize()}: {how.replace('-', ' ')}"


def _collect() -> tuple[Mapping[str, Group], tuple[Param, ...]]:
    found: dict[str, Group] = {}
    params: dict[str, Param] = {}
    for module in pkgutil.iter_modules(group_files.__path__):
        file = importlib.import_module(f"{group_files.__name__}.{module.name}")
        if file.GROUP is not None:
            found[file.GROUP.id] = file.GROUP
        for param in file.PARAMS:
            if param.id in params:
                raise DoubleDeclaration(f"parameter {param.id} is declared twice")
            params[param.id] = param
    order = {group.id: group.priority for group in found.values()}
    listed = sorted(params.values(), key=lambda p: (order.get(p.group or "", -100.0), p.priority))
    return MappingProxyType(found), tuple(listed)

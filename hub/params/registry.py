"""Every parameter of this hub: collected from the group files, with the values that the engines decide."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from backends.contract import EngineState, EngineType
from hub.params import groups as group_files
from hub.params import unserved
from hub.params.able import Able, Choices, choices_of, kinds_of
from hub.params.keys import REMAPS, letters
from hub.params.pairs import Pairs
from hub.params.spec import Group, Param, Source

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

    `types` are the kinds of engines there are; `engines` gives the engines as they are now, and `version`
    grows whenever they change (None: it is looked each time). What engines decide follows those that are
    switched on, by what each has said of itself; without any it follows the kinds. `workflows` gives the
    names of those that are stored.
    """

    def __init__(
        self,
        types: Sequence[EngineType] = (),
        engines: Callable[[], Sequence[EngineState]] = tuple,
        version: Callable[[], int] | None = None,
        workflows: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.groups, params = _collect()
        self.params: Mapping[str, Param] = MappingProxyType({param.id: param for param in params})
        self._places = {param.id: place for place, param in enumerate(params)}
        self._types = types
        self._engines = engines
        self._version = version
        self._workflows = workflows
        self._seen: int | None = None
        self._kinds = kinds_of(types, engines())
        self._able = Able(self._kinds)
        self._fixed: dict[str, Choices] = {
            "upscale_methods": choices_of({name: _in_words(name) for name in _ENLARGE}),
            "engine_types": choices_of({"Any": "Any"} | {kind.id: kind.name for kind in types}),
        }
        self._listed = {
            param.id: choices_of(dict(zip(param.values, param.value_names or param.values, strict=True)))
            for param in params
            if param.values is not None
        }

    @property
    def able(self) -> Able:
        """What the engines of now can do."""
        version = None if self._version is None else self._version()
        if version is None or version != self._seen:
            self._seen = version
            kinds = kinds_of(self._types, self._engines())
            if kinds != self._kinds:
                self._kinds, self._able = kinds, Able(kinds)
        return self._able

    @property
    def features(self) -> frozenset[str] | None:
        """What any engine can do, None when nothing is known of engines."""
        return self.able.features

    @property
    def pairs(self) -> Pairs:
        """Which samplers and schedulers go together."""
        return self.able.pairs

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
        return choices_of({**found.names, **models}) if models else found

    def flags(self, param: Param) -> str | None:
        """The feature flags a client is told: the documented ones, and what the parameter needs and no engine
        has, so that a page does not offer what would be refused."""
        documented = (param.feature_flag or "").split(",")
        features = self.features
        lacking = (
            [] if features is None else [flag for flag in param.asked_of_engines if flag not in features]
        )
        return ",".join(dict.fromkeys(flag for flag in (*documented, *lacking) if flag)) or None

    def nearest(self, name: str) -> str | None:
        """The sampler or scheduler that comes nearest to a documented one that no engine here has."""
        return self.able.nearest.get(name.strip().lower())

    def source(self, source: Source) -> Choices:
        """The values that the engines decide."""
        if source == "engines":
            states = sorted(self._engines(), key=lambda state: state.id)
            return choices_of({str(s.id): f"{s.id}: {s.title or s.type}" for s in states})
        if source == "workflows":
            return choices_of({name: name for name in self._workflows()})
        if source == "samplers":
            return self.able.samplers
        return self.able.schedulers if source == "schedulers" else self._fixed[source]


def _in_words(method: str) -> str:
    """`pixel-lanczos` as "Pixel: lanczos"."""
    space, _, how = method.partition("-")
    return f"{space.capitalize()}: {how.replace('-', ' ')}"


def _collect() -> tuple[Mapping[str, Group], tuple[Param, ...]]:
    found: dict[str, Group] = {group.id: group for group in unserved.GROUPS}
    params: dict[str, Param] = {param.id: param for param in unserved.PARAMS}
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

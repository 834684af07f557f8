"""Engines as the hub sees them: their types, what they are set to, how they fare."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct, field

from backends.contract.commands import Command
from backends.contract.reports import RemoteModel


class EngineState(Struct, frozen=True):
    """One engine as the choice and the Backends pages see it.

    `status` is one of disabled, waiting (to be started again after a death), loading (its process starts),
    idle (configured, nobody answers there), running (healthy, or started by the first work), silent (no
    sign of life for a while), errored (given up until asked for again); SwarmUI's words. `slots` is how
    many works it takes at once, `busy` how many it holds now. `reason` explains errored and silent. `models`
    are those in its memory. An engine elsewhere has models of its own only (`holds_any` False): `offers` has
    them by subtype and name. `servers` are the ids of the hubs behind it, `samplers` and `schedulers` what
    it has said to have (empty: as its type says). `hopeless` is an errored one elsewhere that does not come
    back by itself, because a setting is wrong. With `recalled` what it offers was said in an earlier life
    and may have changed since.
    """

    id: int
    type: str
    title: str
    status: str
    enabled: bool = True
    slots: int = 1
    busy: int = 0
    features: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    holds_any: bool = True
    offers: Mapping[str, Mapping[str, RemoteModel]] = {}
    reason: str = ""
    device: str = ""
    last_used: float = 0.0
    servers: tuple[str, ...] = ()
    samplers: tuple[str, ...] = ()
    schedulers: tuple[str, ...] = ()
    hopeless: bool = False
    recalled: bool = False


class EngineType(Struct, frozen=True):
    """What a folder under `backends/` offers; its `engine.py` names one as ENGINE and imports no native
    code.

    `settings` is the struct its settings are decoded into; titles, descriptions and, for secrets,
    `extra={"secret": True}` stand in its fields' Meta. An engine has one of two: `drawer` is
    "module:callable" for one that runs in a worker process: called there as `callable(settings, emit)` it
    returns a Drawer. `client` is "module:callable" for one elsewhere, spoken to on the hub's event loop:
    called as `callable(settings, surroundings)` it returns a Client.
    `builtin_models` are model folders that come with it. `accepts` are model class ids it can draw (empty:
    any). `slots` is how many works it takes at once. `features` are known before it starts.
    `pairs` names for a sampler the schedulers it goes with (a sampler not named there goes with all);
    `class_pairs` does so for models of a class that has samplers of its own, and then only for those.
    `most_steps` is how many steps a sampler or scheduler can be asked for at most (one not named there: any).
    `nearest` names for a documented sampler or scheduler that it has not the one it has that comes nearest.
    `loads_models` tells that it can be asked to bring a model into memory.
    """

    id: str
    name: str
    description: str
    settings: type[Struct]
    drawer: str = ""
    client: str = ""
    slots: int = 1
    features: tuple[str, ...] = ()
    samplers: tuple[str, ...] = ()
    schedulers: tuple[str, ...] = ()
    pairs: Mapping[str, tuple[str, ...]] = {}
    class_pairs: Mapping[str, Mapping[str, tuple[str, ...]]] = {}
    most_steps: Mapping[str, int] = {}
    nearest: Mapping[str, str] = {}
    builtin_models: tuple[Path, ...] = ()
    accepts: tuple[str, ...] = ()
    standard: bool = True
    loads_models: bool = True

    def draws(self, class_id: str) -> bool:
        """Whether models of this class may be tried; one of no known class always may."""
        return not self.accepts or not class_id or class_id in self.accepts


class EngineConfig(Struct, frozen=True):
    """One configured engine: which type, its title and its settings by name."""

    id: int
    type: str
    title: str = ""
    enabled: bool = True
    settings: dict[str, str | int | float | bool] = field(default_factory=dict)


class Engine(Protocol):
    """An engine as the pool holds it, on the event loop."""

    @property
    def state(self) -> EngineState:
        """A snapshot; cheap, no waiting."""

    async def start(self) -> None:
        """Begin; returns once started or failed (the state tells)."""

    async def stop(self) -> None:
        """End it and everything it started."""

    def send(self, command: Command) -> None:
        """Hand over a command without waiting."""

    def forget(self, ids: Collection[str]) -> None:
        """Drop any memory of these works: the hub has given up on them."""

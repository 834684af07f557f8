"""All configured engines: what they are, how they fare, and the way to each."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path

from msgspec import structs

from backends.contract import Command, EngineConfig, EngineState, EngineType, ModelRef, Report
from backends.discover import EngineFolderError, FoundEngine, find_engines
from backends.loads import EngineTrouble
from backends.process import WorkerProcess
from backends.remote import ELSEWHERE, RemoteEngine
from backends.spawn import SpawnOptions
from backends.tray import Lost
from backends.watch import WatchOptions

DEFAULT = (EngineConfig(id=0, type="diffusers_local"),)
"""What is there when nothing is configured."""

AnyEngine = WorkerProcess | RemoteEngine


async def _no_key(user: str, kind: str) -> str:
    """Nobody has stored any key."""
    return ""


class Pool:
    """The engines of this hub, on its event loop.

    `folders` are extra engine folders; `configs` the configured engines (none: DEFAULT). `emit(engine_id,
    report)` gets every report about works, models and logs, `on_change()` is called after `version` grew
    (status, reason, models, features, device; not `busy`, which follows from the reports),
    `on_lost(engine_id, ids, reason)` when an engine died with these works unfinished. None of them may
    wait. `key(user, kind)` answers what a user has stored for a service, `server` is this hub's own id.
    Raises EngineFolderError.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        configs: Sequence[EngineConfig],
        emit: Callable[[int, Report], None],
        on_change: Callable[[], None],
        on_lost: Lost,
        *,
        start_at_boot: bool = True,
        spawning: SpawnOptions | None = None,
        watching: WatchOptions | None = None,
        key: Callable[[str, str], Awaitable[str]] = _no_key,
        server: str = "",
    ) -> None:
        self.version = 0
        self._found = find_engines(folders)
        self._emit = emit
        self._changed = on_change
        self._lost = on_lost
        self._start_at_boot = start_at_boot
        self._spawning = spawning or SpawnOptions()
        self._watching = watching
        self._key = key
        self._server = server
        self._starting: set[asyncio.Task[None]] = set()
        self._engines: dict[int, AnyEngine] = {}
        for config in configs or DEFAULT:
            self._add(config)

    def _add(self, config: EngineConfig) -> None:
        found = self._found.get(config.type)
        if found is None:
            known = ", ".join(sorted(self._found))
            raise EngineFolderError(f"Engine {config.id} is of unknown type {config.type!r}; known: {known}.")
        self._engines[config.id] = self._make(config, found)

    def _make(self, config: EngineConfig, found: FoundEngine) -> AnyEngine:
        """What talks to such an engine. Each keeps what it has learned in a folder of its own."""
        keep = str(Path(self._spawning.keep) / str(config.id)) if self._spawning.keep else ""
        if found.type.client:
            return RemoteEngine(
                config,
                found,
                emit=self._emit,
                on_change=self._grow,
                on_lost=self._lost,
                key=self._key,
                server=self._server,
                keep=Path(keep) if keep else None,
                watching=self._watching or ELSEWHERE,
            )
        return WorkerProcess(
            config,
            found,
            emit=self._emit,
            on_change=self._grow,
            on_lost=self._lost,
            spawning=structs.replace(self._spawning, keep=keep),
            watching=self._watching or WatchOptions(),
        )

    def _grow(self) -> None:
        self.version += 1
        self._changed()

    async def start(self) -> None:
        """Begin: with `start_at_boot` every enabled engine is being started (in the background: see
        `states`), else only those elsewhere, as nobody knows before what they have.
        """
        for engine in self._engines.values():
            if self._start_at_boot or isinstance(engine, RemoteEngine):
                task = asyncio.get_running_loop().create_task(engine.start())
                self._starting.add(task)
                task.add_done_callback(self._starting.discard)

    async def ready(self) -> None:
        """Wait until every start under way has ended, well or not."""
        await asyncio.gather(*self._starting)

    async def stop(self) -> None:
        """End every engine; takes a few seconds at most."""
        await asyncio.gather(*(engine.stop() for engine in self._engines.values()))
        await asyncio.gather(*self._starting, return_exceptions=True)

    def states(self) -> tuple[EngineState, ...]:
        """Every engine as it is now, by id."""
        return tuple(engine.state for engine in self._engines.values())

    def types(self) -> tuple[EngineType, ...]:
        """Every type an engine may be of."""
        return tuple(found.type for found in self._found.values())

    def builtin_models(self) -> tuple[Path, ...]:
        """Model folders that come with the engines."""
        return tuple(path for kind in self.types() for path in kind.builtin_models)

    def processes(self) -> Mapping[int, int | None]:
        """Process id of each engine's worker, None while it has none."""
        return {number: engine.pid for number, engine in self._engines.items()}

    def send(self, engine_id: int, command: Command) -> None:
        """Hand a command to an engine without waiting; raises KeyError for an unknown engine."""
        self._engines[engine_id].send(command)

    def forget(self, engine_id: int, ids: Collection[str]) -> None:
        """Drop an engine's memory of works that nobody waits for any more."""
        self._engines[engine_id].forget(ids)

    async def load(self, model: ModelRef, engine_id: int | None = None) -> None:
        """Bring a model into memory, on one engine or on the best; raises EngineTrouble with the reason."""
        engine = self._engines.get(engine_id) if engine_id is not None else self._best(model)
        if engine is None:
            kind = f" ({model.class_id})" if model.class_id else ""
            raise EngineTrouble(f"No enabled engine can load the model {model.name!r}{kind}.")
        await engine.load(model)

    def _best(self, model: ModelRef) -> AnyEngine | None:
        """The engine to load on: one that holds it already, then a healthy one, then any that may."""
        fitting = [
            engine
            for engine in self._engines.values()
            if engine.config.enabled and engine.type.draws(model.class_id) and _has(engine.state, model)
        ]
        return max(
            fitting,
            key=lambda engine: (model.name in engine.state.models, engine.state.status == "running"),
            default=None,
        )


def _has(state: EngineState, model: ModelRef) -> bool:
    """Whether an engine can get at the files of a model."""
    return bool(model.path) if state.holds_any else any(model.name in kind for kind in state.offers.values())

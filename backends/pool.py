"""All configured engines: what they are, how they fare, and the way to each."""

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path

from msgspec import structs

from backends.contract import (
    Client,
    Command,
    EngineConfig,
    EngineState,
    EngineType,
    Log,
    ModelRef,
    Refresh,
    Report,
)
from backends.discover import EngineFolderError, FoundEngine, find_engines
from backends.lines import Line, Lines
from backends.loads import EngineTrouble
from backends.process import WorkerProcess
from backends.remote import ELSEWHERE, RemoteEngine
from backends.spawn import SpawnOptions
from backends.tray import Lost
from backends.watch import WatchOptions

PATIENCE = 600.0
"""Seconds that an engine which is changed or removed has to end its works."""

_GOING = "It is being switched off; the images it is drawing are still finished."

AnyEngine = WorkerProcess | RemoteEngine


class _Leaving:
    """An engine that takes no more work: why, whether it comes again, and when it holds none any more."""

    def __init__(self, reason: str, comes_again: bool) -> None:
        self.reason = reason
        self.comes_again = comes_again
        self.empty = asyncio.Event()


async def _no_key(user: str, kind: str) -> str:
    """Nobody has stored any key."""
    return ""


class Pool:
    """The engines of this hub, on its event loop.

    `folders` are extra engine folders; `configs` the configured engines, to which more may be added.
    `emit(engine_id, report)` gets every report about works, models and logs, `on_change()` is called after
    `version` grew (status, reason, models, features, device; not `busy`, which follows from the reports),
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
        self._emit_on = emit
        self._changed = on_change
        self._lost_on = on_lost
        self._start_at_boot = start_at_boot
        self._spawning = spawning or SpawnOptions()
        self._watching = watching
        self._key = key
        self._server = server
        self._starting: set[asyncio.Task[None]] = set()
        self._engines: dict[int, AnyEngine] = {}
        self._leaving: dict[int, _Leaving] = {}
        self._lines = Lines()
        for config in configs:
            self.place(config)

    def place(self, config: EngineConfig) -> None:
        """One more engine, not started yet. Raises EngineFolderError for an unknown type."""
        found = self._found.get(config.type)
        if found is None:
            known = ", ".join(sorted(self._found))
            raise EngineFolderError(f"Engine {config.id} is of unknown type {config.type!r}; known: {known}.")
        self._engines[config.id] = self._make(config, found)
        self._engines = dict(sorted(self._engines.items()))

    def _make(self, config: EngineConfig, found: FoundEngine) -> AnyEngine:
        """What talks to such an engine. Each keeps what it has learned in a folder of its own."""
        keep = str(Path(self._spawning.keep) / str(config.id)) if self._spawning.keep else ""
        if found.type.client:
            return RemoteEngine(
                config,
                found,
                emit=self._heard,
                on_change=self._grow,
                on_lost=self._gave_back,
                key=self._key,
                server=self._server,
                keep=Path(keep) if keep else None,
                watching=self._watching or ELSEWHERE,
            )
        return WorkerProcess(
            config,
            found,
            emit=self._heard,
            on_change=self._grow,
            on_lost=self._gave_back,
            spawning=structs.replace(self._spawning, keep=keep),
            watching=self._watching or WatchOptions(),
        )

    def _grow(self) -> None:
        self.version += 1
        self._changed()

    def _heard(self, engine: int, report: Report) -> None:
        if isinstance(report, Log):
            self._lines.add(engine, report)
        self._emit_on(engine, report)
        self._look_whether_empty(engine)

    def _gave_back(self, engine: int, ids: tuple[str, ...], reason: str) -> None:
        self._lost_on(engine, ids, reason)
        self._look_whether_empty(engine)

    def _look_whether_empty(self, engine: int) -> None:
        leaving = self._leaving.get(engine)
        if leaving is not None and engine in self._engines and not self._engines[engine].state.busy:
            leaving.empty.set()

    # ---- life ----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin: with `start_at_boot` every enabled engine is being started (in the background: see
        `states`), else only those elsewhere, as nobody knows before what they have.
        """
        for engine in self._engines.values():
            if self._start_at_boot or isinstance(engine, RemoteEngine):
                self._begin(engine)

    def _begin(self, engine: AnyEngine) -> None:
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
        return tuple(self._state_of(number, engine) for number, engine in self._engines.items())

    def servers(self) -> tuple[str, ...]:
        """Ids of the hubs behind the engines, sorted."""
        return tuple(sorted({server for state in self.states() for server in state.servers}))

    def _state_of(self, number: int, engine: AnyEngine) -> EngineState:
        """Its state; one that is leaving takes no work any more, or none before it has come again."""
        leaving, state = self._leaving.get(number), engine.state
        if leaving is None:
            return state
        if not leaving.comes_again:
            return structs.replace(state, status="disabled", enabled=False, reason=leaving.reason)
        return structs.replace(state, status="waiting", enabled=True, reason=leaving.reason)

    def types(self) -> tuple[EngineType, ...]:
        """Every type an engine may be of."""
        return tuple(found.type for found in self._found.values())

    def builtin_models(self) -> tuple[Path, ...]:
        """Model folders that come with the engines."""
        return tuple(path for kind in self.types() for path in kind.builtin_models)

    def lines(self, engine_id: int) -> tuple[Line, ...]:
        """The last lines that an engine has said, oldest first."""
        return self._lines.of(engine_id)

    def serving(self) -> frozenset[int]:
        """The engines that are there to be spoken to: with a living process, or connected."""
        return frozenset(number for number, engine in self._engines.items() if engine.serving)

    def client(self, engine_id: int) -> Client | None:
        """What speaks to an engine elsewhere, None for one that nobody answers for or that is on this
        machine.
        """
        engine = self._engines.get(engine_id)
        return engine.client if isinstance(engine, RemoteEngine) else None

    def processes(self) -> Mapping[int, int | None]:
        """Process id of each engine's worker, None while it has none."""
        return {number: engine.pid for number, engine in self._engines.items()}

    # ---- engines that come, change and go ------------------------------------------------------------------

    def add(self, config: EngineConfig) -> None:
        """One more engine, being started when it is enabled. Raises EngineFolderError for an unknown type."""
        self.place(config)
        self._grow()
        if config.enabled:
            self._begin(self._engines[config.id])

    async def change(self, engine_id: int, config: EngineConfig) -> None:
        """Stop an engine once its works have ended and put one so configured in its place, even under
        another number, which must be free; it is being started when it is enabled. Raises KeyError.
        """
        reason = "It starts anew as soon as the images it is drawing are done."
        await self._leave(engine_id, reason if config.enabled else _GOING, comes_again=config.enabled)
        try:
            if engine_id != config.id:
                await asyncio.to_thread(self._move_keep, engine_id, config.id)
                self._lines.move(engine_id, config.id)
            old = self._engines.pop(engine_id)
            self.place(config)
            new = self._engines[config.id]
            if isinstance(old, RemoteEngine) and isinstance(new, RemoteEngine):
                new.inherit(old)
        finally:
            del self._leaving[engine_id]
            self._grow()
        if config.enabled:
            self._begin(self._engines[config.id])

    async def remove(self, engine_id: int) -> None:
        """Stop an engine for ever, once its works have ended. Raises KeyError."""
        await self._leave(engine_id, _GOING, comes_again=False)
        del self._engines[engine_id]
        del self._leaving[engine_id]
        self._lines.move(engine_id, None)
        self._grow()
        await asyncio.to_thread(self._move_keep, engine_id, None)

    async def _leave(self, engine_id: int, reason: str, *, comes_again: bool) -> None:
        """Let an engine end its works and stop it; after `PATIENCE` they are given back."""
        engine = self._engines[engine_id]
        leaving = self._leaving[engine_id] = _Leaving(reason, comes_again)
        try:
            self._grow()
            if engine.state.busy:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE):
                        await leaving.empty.wait()
            await engine.stop("The engine was changed while it was drawing.")
        except BaseException:
            del self._leaving[engine_id]
            self._grow()
            raise

    def _move_keep(self, engine_id: int, to: int | None) -> None:
        """What an engine has learned goes with its number, and with the engine."""
        if not self._spawning.keep:
            return
        home = Path(self._spawning.keep)
        if to is not None and not (home / str(to)).exists() and (home / str(engine_id)).exists():
            (home / str(engine_id)).rename(home / str(to))
        else:
            shutil.rmtree(home / str(engine_id), ignore_errors=True)

    # ---- work ----------------------------------------------------------------------------------------------

    def send(self, engine_id: int, command: Command) -> None:
        """Hand a command to an engine without waiting; raises KeyError for an unknown engine."""
        self._engines[engine_id].send(command)

    def forget(self, engine_id: int, ids: Collection[str]) -> None:
        """Drop an engine's memory of works that nobody waits for any more."""
        self._engines[engine_id].forget(ids)
        self._look_whether_empty(engine_id)

    def refresh(self) -> None:
        """Have every engine elsewhere look again at what models it has; what they find they tell later."""
        for engine in self._engines.values():
            if isinstance(engine, RemoteEngine):
                engine.send(Refresh())

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
            for number, engine in self._engines.items()
            if number not in self._leaving
            and engine.type.loads_models
            and engine.config.enabled
            and engine.type.draws(model.class_id)
            and _has(engine.state, model)
        ]
        return max(
            fitting,
            key=lambda engine: (model.name in engine.state.models, engine.state.status == "running"),
            default=None,
        )


def _has(state: EngineState, model: ModelRef) -> bool:
    """Whether an engine can get at the files of a model."""
    return bool(model.path) if state.holds_any else any(model.name in kind for kind in state.offers.values())

"""The hub's side of one worker process: starts it, talks to it, watches it, starts it again.

Everything here runs on the event loop. One `asyncio.BufferedProtocol` cuts the stream into reports; there
is no task per frame. Death is noticed by the end of the socket, silence by unanswered pings.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection

from msgspec import DecodeError, ValidationError

from backends.contract import (
    Broken,
    Cancel,
    Cancelled,
    Command,
    Done,
    EngineConfig,
    EngineState,
    Failed,
    Held,
    Load,
    Loaded,
    LoadFailed,
    Log,
    ModelRef,
    Ping,
    Pong,
    Ready,
    Report,
    Submit,
)
from backends.contract import Watch as Watched
from backends.discover import FoundEngine
from backends.frames import Begin, FrameError, decode_report, pack
from backends.loads import Loads
from backends.restarts import Restarts
from backends.spawn import Spawned, SpawnOptions, spawn
from backends.tray import Lost, Tray
from backends.watch import Watch, WatchOptions
from backends.wire import WorkerWire

_TAIL = 12


class WorkerProcess:
    """One engine that runs in a process of its own; see contract.Engine."""

    def __init__(
        self,
        config: EngineConfig,
        found: FoundEngine,
        *,
        emit: Callable[[int, Report], None],
        on_change: Callable[[], None],
        on_lost: Lost,
        spawning: SpawnOptions,
        watching: WatchOptions,
    ) -> None:
        self.config = config
        self.type = found.type
        self._found = found
        self._emit = emit
        self._on_change = on_change
        self._on_lost = on_lost
        self._spawning = spawning
        self._watching = watching
        self._restarts = Restarts()
        # disabled | unstarted | loading | running | silent | waiting | errored | stopped
        self._phase = "unstarted" if config.enabled else "disabled"
        self._reason = ""
        self._ready = Ready(device="", features=found.type.features)
        self._was_ready = False
        self._models: tuple[str, ...] = ()
        self._tray = Tray()
        self._loads = Loads()
        self._last_used = 0.0
        self._spawned: Spawned | None = None
        self._transport: asyncio.Transport | None = None
        self._tail: deque[str] = deque(maxlen=_TAIL)  # the last lines it printed, for the reason of its death
        self._settled: asyncio.Event = asyncio.Event()  # the running start has ended, well or not
        self._starting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watch = Watch(watching)
        self._pings = 0
        self._why_killed = ""

    # ---- what the pool asks --------------------------------------------------------------------------------

    @property
    def state(self) -> EngineState:
        """A snapshot."""
        words = {"unstarted": "running", "stopped": "disabled"}
        return EngineState(
            id=self.config.id,
            type=self.config.type,
            title=self.config.title or self.type.name,
            status=words.get(self._phase, self._phase),
            enabled=self.config.enabled,
            slots=self.type.slots,
            busy=len(self._tray.unfinished),
            features=self._ready.features,
            models=self._models,
            reason=self._reason,
            device=self._ready.device,
            last_used=self._last_used,
            servers=self._ready.servers,
            samplers=self._ready.samplers,
            schedulers=self._ready.schedulers,
        )

    @property
    def serving(self) -> bool:
        """Whether it has a process."""
        return self._spawned is not None

    @property
    def pid(self) -> int | None:
        """The worker's process id while it lives."""
        return self._spawned.process.pid if self._spawned is not None else None

    async def start(self) -> None:
        """Start the worker when it is not running; returns once ready or failed (`state` tells)."""
        if self._phase in ("disabled", "stopped", "running", "silent"):
            return
        if self._phase == "errored":
            self._restarts.demanded()
        self._launch()
        await self._settled.wait()

    async def stop(self, why: str = "") -> None:
        """End the worker: orderly within `stop` seconds, else killed. Unfinished works are told as lost when
        there is a reason `why`.
        """
        lost = self._tray.lose()
        self._enter("stopped" if self.config.enabled else "disabled")
        if lost and why:
            self._on_lost(self.config.id, lost, why)
        if self._timer is not None:
            self._timer.cancel()
        if self._starting is not None:
            self._starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._starting
        self._settled.set()  # else whoever waits in `start` waits for ever
        self._loads.fail(why or "The engine was stopped.")
        if self._transport is not None:
            self._transport.close()
        if self._spawned is not None:
            await self._spawned.end(self._watching.stop)
            self._spawned = None

    def send(self, command: Command) -> None:
        """Hand over a command without waiting; a worker not yet ready is started and gets it then."""
        if isinstance(command, Submit):
            self._tray.unfinished[command.work.id] = None
            self._last_used = time.time()
            if len(self._tray.unfinished) == 1:
                self._watch.worked = time.monotonic()
        if self._phase in ("running", "silent") and self._transport is not None:
            self._transport.write(pack(command))
            return
        if self._phase in ("disabled", "stopped"):
            why = f"The engine {self.state.title!r} is disabled."
            self._lose(why)
            self._loads.fail(why)
            return
        if isinstance(command, Watched):
            self._tray.watch(command)
        if isinstance(command, Cancel):
            for work in self._tray.cancel(command.ids):
                self._emit(self.config.id, Cancelled(work))
        if not isinstance(command, Submit | Load):
            return
        self._tray.keep(command)
        if self._phase == "errored":
            self._restarts.demanded()
        if self._phase in ("unstarted", "errored"):
            self._launch()

    def forget(self, ids: Collection[str]) -> None:
        """Drop any memory of these works."""
        self._tray.forget(ids)

    async def load(self, model: ModelRef) -> None:
        """Bring a model into memory; raises EngineTrouble with the reason."""
        await self._loads.ask(self.send, model)

    # ---- life ----------------------------------------------------------------------------------------------

    def _enter(self, phase: str, reason: str = "") -> None:
        if (phase, reason) != (self._phase, self._reason):
            self._phase, self._reason = phase, reason
            self._on_change()

    def _launch(self) -> None:
        if self._phase == "loading":
            return
        if self._timer is not None:
            self._timer.cancel()
        self._settled.clear()
        self._enter("loading")
        self._starting = asyncio.get_running_loop().create_task(self._begin())

    async def _begin(self) -> None:
        """One start, from the spawn to the first Ready; its failure is a death like any other."""
        self._tail.clear()
        self._was_ready, self._why_killed = False, ""
        try:
            async with asyncio.timeout(self._watching.start):
                self._spawned = await spawn(
                    self._spawning, lambda: WorkerWire(self._took, self._lost), self._printed
                )
                self._transport = self._spawned.transport
                begin = Begin(
                    str(self._found.folder), self._found.outside, self.config.settings, self._spawning.nice
                )
                self._transport.write(pack(begin))
                await self._settled.wait()
        except TimeoutError:
            self._kill(f"The engine did not start within {self._watching.start:.0f} seconds.")
            if self._spawned is None:
                self._ended("The engine's process could not be started in time.")
        except OSError as error:
            self._ended(f"The engine's process could not be started: {error}.")

    def _took(self, body: memoryview) -> None:
        """One frame came."""
        report = decode_report(body)
        self._watch.heard = time.monotonic()
        kind = type(report)
        if kind is Pong:
            if self._phase == "silent":
                self._enter("running")
            return
        self._watch.worked = self._watch.heard
        if kind is Done or kind is Failed or kind is Cancelled:
            self._tray.unfinished.pop(report.id, None)
        elif kind is not Log:
            self._note(report)
        self._emit(self.config.id, report)

    def _note(self, report: Report) -> None:
        """Take what a report says about the engine itself."""
        match report:
            case Ready():
                self._became_ready(report)
            case Loaded(models=models):
                self._holds(models)
                self._loads.answered(report)
            case LoadFailed():
                self._loads.answered(report)
            case Held(models=models):
                self._holds(models)
            case Broken(reason=reason):
                self._why_killed = reason
            case _:
                pass

    def _holds(self, models: tuple[str, ...]) -> None:
        if models != self._models:
            self._models = models
            self._on_change()

    def _became_ready(self, report: Ready) -> None:
        self._ready, self._was_ready = report, True
        self._enter("running")
        self._settled.set()
        for command in self._tray.take_waiting():
            self.send(command)
        self._watch.begin(time.monotonic())
        self._tick()

    def _tick(self) -> None:
        """Look at the clock: judge silence, ping."""
        now = time.monotonic()
        if why := self._watch.look(now, busy=bool(self._tray.unfinished)):
            self._kill(why)
            return
        if silent := self._watch.silence(now):
            self._enter("silent", f"No sign of life for {silent:.0f} seconds.")
        self._pings += 1
        if self._transport is not None:
            self._transport.write(pack(Ping(self._pings)))
        self._timer = asyncio.get_running_loop().call_later(self._watching.ping, self._tick)

    def _kill(self, why: str) -> None:
        """End the process by its pid; the end of its socket does the rest."""
        self._why_killed = why
        if self._spawned is not None:
            self._spawned.kill()

    def _printed(self, line: str) -> None:
        self._tail.append(line)
        self._emit(self.config.id, Log("info", line))

    def _lost(self, error: BaseException | None) -> None:
        """The socket ended: the worker is dead or as good as dead."""
        if self._phase == "stopped" or self._spawned is None:
            return
        spawned, self._spawned, self._transport = self._spawned, None, None
        spawned.kill()
        if isinstance(error, FrameError | DecodeError | ValidationError):
            self._why_killed = f"The engine answered with something that is no report: {error}"
        ending = asyncio.get_running_loop().create_task(self._bury(spawned))
        spawned.keep(ending)

    async def _bury(self, spawned: Spawned) -> None:
        code = await spawned.wait()
        last = f" Its last words: {self._tail[-1]}" if self._tail else ""
        self._ended(self._why_killed or f"The engine's process ended unexpectedly ({_named(code)}).{last}")

    def _ended(self, reason: str) -> None:
        """The worker is gone: report its works, then start again after a while, or give up until asked."""
        if self._timer is not None:
            self._timer.cancel()
        if self._phase in ("stopped", "disabled"):
            return
        delay = self._restarts.died(time.monotonic(), was_ready=self._was_ready)
        self._models = ()
        self._loads.fail(reason)
        if delay is None:
            self._enter("errored", reason)
        else:
            self._enter("waiting", reason)
            self._timer = asyncio.get_running_loop().call_later(delay, self._launch)
        self._emit(self.config.id, Log("error", reason))
        self._lose(reason)
        self._settled.set()

    def _lose(self, reason: str) -> None:
        if ids := self._tray.lose():
            self._on_lost(self.config.id, ids, reason)


def _named(code: int | None) -> str:
    if code is None:
        return "no exit code"
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"

"""The hub's side of one engine elsewhere: keeps its client running, judges its life, tries again.

Everything here runs on the event loop. What speaks to the engine is its type's Client (see contract); one
call of its `run` is one life, held by one task.
"""

import asyncio
import importlib
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path

from backends.contract import (
    Cancel,
    Cancelled,
    Client,
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
    Misconfigured,
    ModelRef,
    Offers,
    Pong,
    Ready,
    RemoteModel,
    Report,
    Submit,
    Surroundings,
    Unreachable,
)
from backends.contract import Watch as Watched
from backends.discover import FoundEngine
from backends.engine_settings import RefusedSetting, read_settings, secrets_of
from backends.knock import knock
from backends.loads import Loads
from backends.remembered import Remembered, mark_of, recall, remember
from backends.restarts import Restarts
from backends.tray import Lost, Tray
from backends.watch import Watch, WatchOptions

ELSEWHERE = WatchOptions(silent=30.0, stuck=90.0, stall=900.0, stop=10.0)
"""How engines elsewhere are watched: a network may hiccup, and their own queue may be long."""

FIRST_KNOCK = 0.5
"""Seconds before the first look whether anybody listens again."""

NOTED_SECONDS = 1.0
"""Within which what an engine says of itself is written down, once for all that comes together."""

_log = logging.getLogger(__name__)


class RemoteEngine:
    """One engine that is spoken to over the network; see contract.Engine.

    Silence is judged only while it holds works: nothing has to be said by an engine with nothing to do.
    """

    pid: int | None = None
    """It has no process of ours."""

    def __init__(
        self,
        config: EngineConfig,
        found: FoundEngine,
        *,
        emit: Callable[[int, Report], None],
        on_change: Callable[[], None],
        on_lost: Lost,
        key: Callable[[str, str], Awaitable[str]],
        server: str = "",
        keep: Path | None = None,
        watching: WatchOptions = ELSEWHERE,
    ) -> None:
        self.config = config
        self.type = found.type
        self._found = found
        self._emit = emit
        self._on_change = on_change
        self._on_lost = on_lost
        self._surroundings = Surroundings(config.id, self._took, key, server, keep)
        self._watching = watching
        self._restarts = Restarts()
        # disabled | unstarted | loading | running | idle | silent | waiting | errored | stopped
        self._phase = "unstarted" if config.enabled else "disabled"
        self._reason = ""
        self._hopeless = False  # its last life ended for a wrong setting
        self._client: Client | None = None
        self._patient = False  # its settings allow that nobody answers
        self._ready = Ready(device="", features=found.type.features)
        self._serving = False  # between Ready and the end of this life: reports count, commands reach it
        self._was_ready = False
        self._offers: Mapping[str, Mapping[str, RemoteModel]] = {}
        self._models: tuple[str, ...] = ()
        self._mark = mark_of(config.type, config.settings, secrets_of(found.type))
        self._noting: asyncio.TimerHandle | None = None
        self._recalled = self._recall()
        self._tray = Tray()
        self._loads = Loads()
        self._last_used = 0.0
        self._life: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()  # the running start has ended, well or not
        self._timer: asyncio.TimerHandle | None = None
        self._knocking: asyncio.Task[None] | None = None
        self._pause = FIRST_KNOCK
        self._watch = Watch(watching)
        self._why_ended = ""

    # ---- what the pool asks --------------------------------------------------------------------------------

    @property
    def state(self) -> EngineState:
        """A snapshot."""
        words = {"unstarted": "waiting", "stopped": "disabled"}
        return EngineState(
            id=self.config.id,
            type=self.config.type,
            title=self.config.title or self.type.name,
            status=words.get(self._phase, self._phase),
            enabled=self.config.enabled,
            slots=self._ready.slots or self.type.slots,
            busy=len(self._tray.unfinished),
            features=self._ready.features,
            models=self._models,
            holds_any=False,
            offers=self._offers,
            reason=self._reason,
            device=self._ready.device,
            last_used=self._last_used,
            servers=self._ready.servers,
            samplers=self._ready.samplers,
            schedulers=self._ready.schedulers,
            hopeless=self._hopeless and self._phase == "errored",
            recalled=self._recalled,
        )

    @property
    def client(self) -> Client | None:
        """What speaks to it, while somebody answers there."""
        return self._client if self._serving else None

    @property
    def serving(self) -> bool:
        """Whether somebody answers there now."""
        return self._serving

    def inherit(self, before: "RemoteEngine") -> None:
        """Take over what an engine with the same settings has found there, until this one has looked."""
        if before.config.settings == self.config.settings:
            self._offers = before._offers
            self._ready = before._ready
            self._recalled = True

    def _recall(self) -> bool:
        """Take what an earlier life of the hub has heard of it, until it answers; whether there was any."""
        folder = self._surroundings.keep
        kept = recall(folder, self._mark) if folder is not None else None
        if kept is not None:
            self._ready, self._offers = kept.ready, _by_subtype(kept.models)
        return kept is not None

    def _note_down(self) -> None:
        """Keep what it has said, soon and in a thread: lists may be long."""
        if self._surroundings.keep is not None and self._noting is None:
            self._noting = asyncio.get_running_loop().call_later(NOTED_SECONDS, self._write_down)

    def _write_down(self) -> "asyncio.Future[None] | None":
        folder, self._noting = self._surroundings.keep, None
        if folder is None:
            return None
        models = tuple(model for shelf in self._offers.values() for model in shelf.values())
        kept = Remembered(self._mark, self._ready, models)
        return asyncio.get_running_loop().run_in_executor(None, remember, folder, kept)

    async def start(self) -> None:
        """Connect when it is not connected; returns once ready or failed (`state` tells)."""
        if self._phase in ("disabled", "stopped", "running", "silent"):
            return
        self._demand()
        await self._settled.wait()

    async def stop(self, why: str = "") -> None:
        """End its life. Unfinished works are told as lost when there is a reason `why`."""
        self._serving = False
        self._enter("stopped" if self.config.enabled else "disabled")
        self._cancel_timer()
        lost = self._tray.lose()
        if lost and why:
            self._on_lost(self.config.id, lost, why)
        self._loads.fail(why or "The engine was stopped.")
        self._settled.set()  # else whoever waits in `start` waits for ever
        life, self._life = self._life, None
        if life is not None:
            life.cancel()
            _, late = await asyncio.wait({life}, timeout=self._watching.stop)
            if late:
                _log.warning("engine %d: its client did not end in time", self.config.id)
        if self._noting is not None:
            self._noting.cancel()
            if (written := self._write_down()) is not None:
                await written

    def send(self, command: Command) -> None:
        """Hand over a command without waiting; an engine not connected is, and gets it then."""
        if isinstance(command, Submit):
            self._tray.unfinished[command.work.id] = None
            self._last_used = time.time()
            if len(self._tray.unfinished) == 1:
                self._watch.heard = self._watch.worked = time.monotonic()
        if self._phase in ("disabled", "stopped"):
            why = f"The engine {self.state.title!r} is disabled."
            self._lose(why)
            self._loads.fail(why)
        elif self._serving and self._client is not None:
            self._hand_over(self._client, command)
        elif isinstance(command, Submit | Load):
            self._tray.keep(command)
            if self._phase != "waiting":
                self._demand()
        elif isinstance(command, Watched):
            self._tray.watch(command)
        elif isinstance(command, Cancel):
            for work in self._tray.cancel(command.ids):
                self._emit(self.config.id, Cancelled(work))

    def forget(self, ids: Collection[str]) -> None:
        """Drop any memory of these works."""
        self._tray.forget(ids)

    async def load(self, model: ModelRef) -> None:
        """Bring a model into memory; raises EngineTrouble with the reason."""
        await self._loads.ask(self.send, model)

    # ---- what the client says ------------------------------------------------------------------------------

    def _took(self, report: Report) -> None:
        """One report. After the end of a life nothing that its client still says counts."""
        if self._life is None or self._why_ended:
            return
        self._watch.heard = time.monotonic()
        if self._phase == "silent":
            self._enter("running")
        if isinstance(report, Pong):
            return
        self._watch.worked = self._watch.heard
        if isinstance(report, Done | Failed | Cancelled):
            self._tray.unfinished.pop(report.id, None)
        else:
            self._note(report)
        self._emit(self.config.id, report)

    def _note(self, report: Report) -> None:
        """Take what a report says about the engine itself."""
        match report:
            case Ready():
                self._became_ready(report)
            case Offers(models=models):
                self._offer(models)
            case Loaded(models=held):
                self._holds(held)
                self._loads.answered(report)
            case LoadFailed():
                self._loads.answered(report)
            case Held(models=held):
                self._holds(held)
            case _:
                pass

    def _became_ready(self, report: Ready) -> None:
        if report != self._ready:
            self._note_down()
        if self._serving:
            if report != self._ready:
                self._ready = report
                self._on_change()
            return
        self._ready, self._was_ready, self._serving = report, True, True
        self._pause = min(FIRST_KNOCK, self._watching.knock)
        self._cancel_timer()
        self._enter("running")
        self._settled.set()
        for command in self._tray.take_waiting():
            self.send(command)
        self._watch.begin(time.monotonic())
        self._tick()

    def _offer(self, models: tuple[RemoteModel, ...]) -> None:
        offers = _by_subtype(models)
        if offers != self._offers:
            self._offers = offers
            self._note_down()
        elif not self._recalled:
            return
        self._recalled = False
        self._on_change()

    def _holds(self, models: tuple[str, ...]) -> None:
        if models != self._models:
            self._models = models
            self._on_change()

    def _hand_over(self, client: Client, command: Command) -> None:
        try:
            client.handle(command)
        except Exception:
            _log.exception("engine %d: its client failed at a %s", self.config.id, type(command).__name__)
            if isinstance(command, Submit):
                reason = (
                    f"The engine {self.state.title!r} could not take this; the log of the hub tells more."
                )
                self._took(Failed(command.work.id, reason))

    # ---- life ----------------------------------------------------------------------------------------------

    def _enter(self, phase: str, reason: str = "") -> None:
        if (phase, reason) != (self._phase, self._reason):
            self._phase, self._reason = phase, reason
            self._on_change()

    def _demand(self) -> None:
        """Somebody asks for the engine: try now, whatever happened before."""
        if self._phase == "errored":
            self._restarts.demanded()
        self._launch("loading")

    def _launch(self, phase: str = "") -> None:
        """Begin a life; without a `phase` quietly, as one more try that need not be seen."""
        if phase:
            self._enter(phase)
        if self._life is not None:
            return
        self._cancel_timer()
        self._settled.clear()
        self._was_ready, self._why_ended = False, ""
        loop = asyncio.get_running_loop()
        late = f"Nobody was ready there within {self._watching.start:.0f} seconds."
        self._timer = loop.call_later(self._watching.start, self._break_off, late)
        self._life = loop.create_task(self._live(), name=f"engine {self.config.id}")

    async def _live(self) -> None:
        """One life, from the connection to the end of it."""
        why, hopeless = "The connection to the engine has ended.", False
        try:
            if self._client is None:
                self._client = self._make_client()
            await self._client.run()
        except Unreachable as trouble:
            why = str(trouble)
        except Misconfigured as trouble:
            why, hopeless = str(trouble), True
        except asyncio.CancelledError:
            if not self._why_ended:
                raise
        except Exception:
            _log.exception("engine %d: its client failed", self.config.id)
            why = "Speaking to the engine failed in an unexpected way; the log of the hub tells more."
        if self._phase not in ("stopped", "disabled"):
            self._ended(self._why_ended or why, hopeless=hopeless)

    def _make_client(self) -> Client:
        """Read the settings and make the client; what goes wrong here no other try mends."""
        kind = self.type
        try:
            settings = read_settings(kind, self.config.settings)
        except RefusedSetting as refused:
            raise Misconfigured(str(refused)) from refused
        self._patient = bool(getattr(settings, "allow_idle", False))
        beside = str(self._found.folder.parent)
        if self._found.outside and beside not in sys.path:
            sys.path.append(beside)
        module, _, name = kind.client.partition(":")
        if self._surroundings.keep is not None:
            self._surroundings.keep.mkdir(parents=True, exist_ok=True)
        client: Client = getattr(importlib.import_module(module), name)(settings, self._surroundings)
        return client

    def _tick(self) -> None:
        """Look at the clock: judge silence while there is work."""
        now = time.monotonic()
        busy = bool(self._tray.unfinished)
        if not busy:
            self._watch.heard = now
        if why := self._watch.look(now, busy=busy):
            self._break_off(why)
            return
        if self._watch.silence(now) and self._phase != "silent":
            self._enter(
                "silent", f"It holds work and has said nothing for {self._watching.silent:.0f} seconds."
            )
        self._timer = asyncio.get_running_loop().call_later(self._watching.ping, self._tick)

    def _break_off(self, why: str) -> None:
        """End this life from our side. Its works are free at once, however long its client takes to leave."""
        if self._serving:
            self._enter("waiting", why)
        self._why_ended, self._serving = why, False
        self._lose(why)
        if self._life is not None:
            self._life.cancel()

    def _ended(self, reason: str, *, hopeless: bool) -> None:
        """A life is over: report its works, then try again after a while, or give up until asked."""
        self._life, self._serving, self._hopeless = None, False, hopeless
        self._cancel_timer()
        told = (self._phase, self._reason)
        quietly = self._phase in ("errored", "idle") and not self._was_ready
        delay = None if quietly else self._restarts.died(time.monotonic(), was_ready=self._was_ready)
        self._models = ()
        phase = "errored" if hopeless or delay is None else "waiting"
        if self._patient and not hopeless:
            phase = "idle"
        self._enter(phase, reason)
        if not hopeless:
            loop = asyncio.get_running_loop()
            if delay is None:
                # a try that nobody asked for is not shown: the word would go back and forth for ever
                self._timer = loop.call_later(self._watching.again, self._launch)
                self._knocking = loop.create_task(self._knock())
            else:
                step = "loading" if phase == "waiting" else ""
                self._timer = loop.call_later(delay, self._launch, step)
        if told != (phase, reason):
            self._emit(self.config.id, Log("warning" if phase == "idle" else "error", reason))
        self._loads.fail(reason)
        self._lose(reason)
        self._settled.set()

    async def _knock(self) -> None:
        """Bring the next try forward as soon as anybody listens there, where that can be asked cheaply."""
        address = getattr(self._client, "address", "")
        while address:
            pause = self._pause
            self._pause = min(2 * pause, self._watching.knock)
            await asyncio.sleep(pause)
            if await knock(address):
                self._launch()
                return

    def _lose(self, reason: str) -> None:
        if ids := self._tray.lose():
            self._on_lost(self.config.id, ids, reason)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._knocking is not None:
            self._knocking.cancel()
            self._knocking = None


def _by_subtype(models: tuple[RemoteModel, ...]) -> dict[str, dict[str, RemoteModel]]:
    offers: dict[str, dict[str, RemoteModel]] = {}
    for model in models:
        offers.setdefault(model.subtype, {})[model.name] = model
    return offers

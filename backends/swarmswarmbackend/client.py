"""The client of another hub: hands works to it, each in a conversation of its own."""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine

from backends.contract import (
    Cancel,
    Command,
    Failed,
    Free,
    Held,
    Load,
    Loaded,
    LoadFailed,
    Log,
    Misconfigured,
    Pong,
    Refresh,
    Submit,
    Surroundings,
    Unreachable,
    Watch,
    Work,
)
from backends.swarmswarmbackend import listing
from backends.swarmswarmbackend.conversation import Conversation
from backends.swarmswarmbackend.engine import SwarmSettings
from backends.swarmswarmbackend.parameters import CHAIN, Way
from backends.swarmswarmbackend.sentences import failed
from backends.swarmswarmbackend.server import Refused, Server
from backends.swarmswarmbackend.view import View

GLANCE_SECONDS = 5.0
"""How often its engines are looked at."""

MOST_MISSED = 2
"""So many looks in a row may go unanswered: works that notice more tell it themselves."""

LOOK_SECONDS = 300.0
"""How often its models are listed."""

LEAVE_SECONDS = 3.0
"""How long the end of a life may take to stop what is going on there."""

UNEXPECTED = "Handing this to the other hub failed in an unexpected way; the log of this hub tells more."
ROUND = "This picture has been handed on by this hub before: the hubs are connected in a circle."


class SwarmClient:
    """See contract.Client."""

    def __init__(self, settings: SwarmSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._life: Life | None = None

    async def run(self) -> None:
        """One life: connect, look, and serve. Raises Unreachable, Misconfigured."""
        server = Server(self._settings)
        life = self._life = Life(server, self._settings, self._surroundings)
        try:
            await life.serve()
        finally:
            self._life = None
            await life.leave()
            await server.close()

    @property
    def address(self) -> str:
        """Where it is looked whether anybody listens; see contract.Client."""
        return self._settings.address

    def handle(self, command: Command) -> None:
        """Take a command without waiting."""
        if self._life is not None:
            self._life.handle(command)


class Life:
    """One connection to the other hub, with everything that is going on there for us."""

    def __init__(self, server: Server, settings: SwarmSettings, surroundings: Surroundings) -> None:
        self._server = server
        self._settings = settings
        self._own = surroundings.server
        self._emit = surroundings.emit
        self._view = View(server, settings, self._own, self._emit)
        self._going: dict[str, Conversation] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked: Counter[str] = Counter()
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        """Look at the other hub now and then, until something is broken. Raises what `run` does."""
        await self._view.begin()
        looked, missed = time.monotonic(), 0
        while True:
            done, _ = await asyncio.wait({self._broken}, timeout=GLANCE_SECONDS)
            if done:
                self._broken.result()
            try:
                if time.monotonic() > looked + LOOK_SECONDS:
                    await self._view.look()
                    looked = time.monotonic()
                else:
                    await self._view.glance()
            except Unreachable:
                missed += 1
                if missed > MOST_MISSED:
                    raise
            else:
                missed = 0
                self._emit(Pong(0))

    async def leave(self) -> None:
        """End everything; what is going on there is stopped, as nobody waits for it any more."""
        stopping = [asyncio.create_task(one.abandon()) for one in self._going.values()]
        for task in self._tasks:
            task.cancel()
        if stopping:
            await asyncio.wait(stopping, timeout=LEAVE_SECONDS)
        self._broken.cancel()

    def handle(self, command: Command) -> None:
        """Take a command."""
        match command:
            case Submit(work=work):
                self._submit(work)
            case Cancel(ids=ids):
                for conversation in filter(None, map(self._going.get, ids)):
                    conversation.cancel()
            case Watch(ids=ids, watched=watched):
                for conversation in filter(None, map(self._going.get, ids)):
                    self._start(conversation.watch(watched))
            case Load():
                self._start(self._bring(command))
            case Free():
                self._start(self._free())
            case Refresh():
                self._start(self._view.refresh())
            case _:
                pass

    # ---- works ---------------------------------------------------------------------------------------------

    def _submit(self, work: Work) -> None:
        chain = [one for one in str(work.extra.get(CHAIN, "")).split(",") if one]
        if self._own and self._own in chain:
            self._emit(Failed(work.id, ROUND))
            return
        engine = None
        if not self._settings.allow_forwarding:
            engine = listing.pick(self._view.seen.engines, self._asked, work.model.name)
        way = Way(",".join([*chain, self._own]), engine, self._view.seen.spelled, self._server.kin)
        conversation = Conversation(self._server, work, way, self._emit)
        self._going[work.id] = conversation
        self._start(self._converse(conversation, engine or ""))

    async def _converse(self, conversation: Conversation, engine: str) -> None:
        self._asked[engine] += 1
        try:
            await conversation.hold(over_socket=self._settings.allow_websocket)
        except (Unreachable, Misconfigured, asyncio.CancelledError):
            raise
        except Exception as trouble:
            self._emit(Log("error", f"a work failed in an unexpected way: {trouble!r}"))
            self._emit(Failed(conversation.work.id, UNEXPECTED, retry=True))
        finally:
            self._asked[engine] -= 1
        if self._going.get(conversation.work.id) is conversation:  # it may have been given back at once
            del self._going[conversation.work.id]

    def _start(self, doing: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        """A task that found nobody there any more ends this life, and all works with it."""
        self._tasks.discard(task)
        trouble = None if task.cancelled() else task.exception()
        if trouble is not None and not self._broken.done():
            self._broken.set_exception(trouble)

    # ---- memory --------------------------------------------------------------------------------------------

    async def _bring(self, load: Load) -> None:
        """Load a model there, on every engine that may or on the one that would draw with it."""
        model, begun = load.model.name, time.monotonic()
        body = {"model": self._view.seen.spelled.get(model, model)}
        if not self._settings.allow_forwarding:
            engine = listing.pick(self._view.seen.engines, self._asked, model)
            body |= {"backendId": engine} if engine is not None else {}
        try:
            await self._view.call("SelectModel", body, seconds=0)
        except Refused as refusal:
            reason = failed(str(refusal), refusal.permission)
            self._emit(LoadFailed(model, reason, load.ticket))
            return
        held = (*(name for name in self._view.held if name != model), model)
        self._view.doubt_held()
        self._emit(Loaded(model, held, load.ticket, time.monotonic() - begun))

    async def _free(self) -> None:
        try:
            await self._view.call("FreeBackendMemory", {"system_ram": False, "backend": "all"})
        except Refused as refusal:
            self._emit(Log("warning", f"The other hub frees no memory: {refusal}"))
        else:
            self._view.doubt_held()
            self._emit(Held(()))

"""A ComfyUI server's memory: its queue, its history, what runs, and the rules for dropping one of them.

Behaves as the recorded servers did (0.33.0, and 0.8.0 where that differs).
"""

import asyncio
import contextlib
import heapq
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.comfy.catalogue import MODELS, object_info
from tests.comfy.drawing import Thing
from tests.comfy.files import Files
from tests.comfy.sockets import Sockets

Item = tuple[float, str, dict[str, Any], dict[str, Any], list[str]]
Version = tuple[int, ...]


@dataclass
class Settings:
    """How a server is, and what it does wrong. All may be changed while it runs; times are in seconds."""

    version: str = "0.33.0"
    models: Mapping[str, Sequence[str]] = field(default_factory=lambda: dict(MODELS))
    without: Sequence[str] = ()  # classes that are not installed
    step_seconds: float = 0.01
    load_seconds: float = 0.0  # of each loader; deaf to interrupts, without a frame
    node_seconds: float = 0.0
    start_gap: float = (
        0.0005  # between taking a prompt from the queue and starting it: an interrupt is lost here
    )
    history_lag: float = 0.002  # between execution_success and the history entry
    preview_method: str = "none"
    preview_size: int = 512  # pixels of the longer side
    grain: bool = False  # pictures of noise: megabytes instead of kilobytes
    stuck: int = 0  # so many prompts to come stop moving after their first step, until they are interrupted
    deaf: bool = False  # and then do not even hear that
    failing: dict[str, tuple[str, str]] = field(default_factory=dict)  # class -> exception type and message
    broken: dict[str, int] = field(default_factory=dict)  # path -> status answered instead
    slow: dict[str, float] = field(default_factory=dict)  # path -> seconds before the answer
    auth: tuple[str, str] | None = None  # a header a proxy in front asks for, on requests and sockets

    def since(self, *version: int) -> bool:
        """Whether the server is of this version or newer."""
        own = tuple(int(part) for part in self.version.split("."))
        return own >= version


class Server:
    """One life of a server; after a restart there is a new one, with the same settings and files."""

    def __init__(self, settings: Settings, files: Files | None = None) -> None:
        self.settings = settings
        self.files = files or Files()
        self.sockets = Sockets()
        self.pending: list[tuple[float, int, Item]] = []
        self.running: Item | None = None
        self.history: dict[str, dict[str, Any]] = {}
        self.interrupt = asyncio.Event()
        self.owner: str | None = None  # client of the prompt that runs
        self.last_node: str | None = None
        self.cache: dict[str, tuple[list[Thing], Any]] = {}
        self.freed: list[Mapping[str, Any]] = []  # what /free was asked
        self.taken: list[Item] = []  # every prompt that was accepted, for tests to look at
        self.started: list[str] = []  # prompt ids in the order they ran
        self.ended: list[
            tuple[str, str]
        ] = []  # prompt ids with what the history said of them, whoever deletes it
        self._count = 0
        self._puts = 0
        self._wake = asyncio.Event()

    def told(self) -> dict[str, Any]:
        """The answer of `GET /object_info`."""
        return object_info(self.settings.models, self.settings.without)

    def remaining(self) -> int:
        """Prompts that wait or run."""
        return len(self.pending) + (self.running is not None)

    def status(self) -> dict[str, Any]:
        """The body of a `status` frame."""
        return {"status": {"exec_info": {"queue_remaining": self.remaining()}}}

    def next_number(self, given: float | None, *, front: bool) -> float:
        """The place of a new prompt: smallest first."""
        count = self._count
        self._count += 1
        if given is not None:
            return float(given)
        return -count if front else count

    def put(self, item: Item) -> None:
        """A prompt joins the queue."""
        self._puts += 1
        heapq.heappush(self.pending, (item[0], self._puts, item))
        self.taken.append(item)
        self.sockets.tell("status", self.status())
        self._wake.set()

    async def take(self) -> Item:
        """The next prompt; from now on it counts as running."""
        while not self.pending:
            self._wake.clear()
            await self._wake.wait()
        item = heapq.heappop(self.pending)[2]
        self.running = item
        self.sockets.tell("status", self.status())
        return item

    def done(self, item: Item, entry: dict[str, Any]) -> None:
        """A prompt ended, however: now it is in the history."""
        self.running = None
        # A prompt id used twice: the later one's entry takes the place of the earlier.
        self.history[item[1]] = entry
        self.ended.append((item[1], entry["status"]["status_str"]))
        self.sockets.tell("status", self.status())

    def drop(self, ids: Sequence[str]) -> bool:
        """Take prompts out of the queue, never the one that runs; whether one was there."""
        kept = [entry for entry in self.pending if entry[2][1] not in ids]
        if len(kept) == len(self.pending):
            return False
        self.pending = kept
        heapq.heapify(self.pending)
        self.sockets.tell("status", self.status())
        return True

    def clear(self) -> None:
        """Take everything out of the queue."""
        self.pending.clear()
        self.sockets.tell("status", self.status())

    def stop(self, prompt_id: str | None) -> None:
        """Interrupt what runs: only this prompt, or whatever it is. Before 0.3.56 the id is not read."""
        if prompt_id is not None and self.settings.since(0, 3, 56):
            if self.running is None or self.running[1] != prompt_id:
                return
        self.interrupt.set()

    def cancel(self, prompt_id: str) -> bool:
        """The cancel route: interrupt, or take out of the queue; False when it neither runs nor waits."""
        if self.running is not None and self.running[1] == prompt_id:
            self.interrupt.set()
            return True
        return self.drop([prompt_id])

    def join(self, client_id: str) -> None:
        """What a socket is told when it opens: the count, and where its own running prompt is."""
        self.sockets.tell("status", {**self.status(), "sid": client_id}, client_id)
        if self.owner == client_id and self.last_node is not None:
            self.sockets.tell("executing", {"node": self.last_node}, client_id)

    async def rest(self, seconds: float) -> bool:
        """Work for so long; True when an interrupt came first."""
        if self.interrupt.is_set():
            return True
        if seconds <= 0:
            await asyncio.sleep(0)
            return self.interrupt.is_set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.interrupt.wait(), seconds)
        return self.interrupt.is_set()


def new_id() -> str:
    """A prompt id as the server makes them."""
    return str(uuid.uuid4())


def now() -> int:
    """Milliseconds, as all its timestamps."""
    return int(time.time() * 1000)

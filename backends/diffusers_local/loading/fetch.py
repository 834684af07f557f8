"""The thread that loads: running requests go on stepping while a model comes in from the disk."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

from backends.diffusers_local.loading.default_dtype import DtypeDoor
from backends.diffusers_local.loading.gather import Need
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.loading.weights import ModelTrouble
from backends.diffusers_local.loop.memory import out_of_memory

Pinned = Callable[[], Collection[str]]
"""Paths of what must stay in memory."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The answer to one `ask` or, without a need, to one `free`: the seconds it took, or why it could not
    be; `surprise` when that is not the file's fault.
    """

    need: Need | None
    seconds: float = 0.0
    trouble: str = ""
    surprise: bool = False


class Fetcher:
    """Loads what it is asked for onto the shelf, one thing after the other.

    `asked` and `done` belong to the engine's thread; `wake()` is called when something came into `done`.
    """

    def __init__(self, shelf: Shelf, pinned: Pinned, wake: Callable[[], None]) -> None:
        self._shelf = shelf
        self._pinned = pinned
        self._wake = wake
        self._door = DtypeDoor(wake)
        self._asked: set[Need] = set()
        self._frees = 0
        self._done: deque[Fetched] = deque()
        self._queue: queue.SimpleQueue[Need | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Something is still to come."""
        return bool(self._asked or self._frees)

    def ask(self, need: Need) -> None:
        """Load this; asking again for what is on its way changes nothing."""
        if need not in self._asked:
            self._asked.add(need)
            self._put(need)

    def free(self) -> None:
        """Let go of everything that is not pinned, once what was asked for before is loaded."""
        self._frees += 1
        self._put(None)

    def take(self) -> list[Fetched]:
        """What has come since the last time. To be called between any two turns."""
        self._door.let_through()
        taken = []
        while self._done:
            done = self._done.popleft()
            if done.need is None:
                self._frees -= 1
            else:
                self._asked.discard(done.need)
            taken.append(done)
        return taken

    def _put(self, what: Need | None) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="loader", daemon=True)
            self._thread.start()
        self._queue.put(what)

    def _run(self) -> None:
        while True:
            need = self._queue.get()
            if need is None:
                self._shelf.free(self._pinned())
                self._done.append(Fetched(None))
            else:
                self._done.append(self._load(need))
            self._wake()

    def _load(self, need: Need) -> Fetched:
        """Once more with room made when memory runs out."""
        error = self._try(need)
        if isinstance(error, Exception) and out_of_memory(error):
            self._shelf.free(self._pinned())
            error = self._try(need)
        if isinstance(error, float):
            return Fetched(need, error)
        name = need.ref.name
        if isinstance(error, ModelTrouble):
            return Fetched(need, trouble=str(error))
        if out_of_memory(error):
            return Fetched(
                need,
                trouble=f"There is not enough memory to load {name!r}; use a smaller model.",
                surprise=True,
            )
        return Fetched(need, trouble=f"{name!r} could not be loaded: {error}", surprise=True)

    def _try(self, need: Need) -> float | Exception:
        """The seconds it took, or the error without its traceback, which would keep tensors alive."""
        try:
            with self._door.loading():
                _, seconds = self._shelf.load(need.kind, need.ref, self._pinned(), need.over)
        except Exception as error:
            error.__traceback__ = None
            return error
        return seconds

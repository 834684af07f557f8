"""What an engine has been given: unfinished works, and commands that wait until it is ready. Pure."""

from collections import deque
from collections.abc import Callable, Collection

from backends.contract import Command, Submit, Watch

Lost = Callable[[int, tuple[str, ...], str], None]
"""Called with the engine's id, the ids of its unfinished works and the reason."""


class Tray:
    """The works of one engine (`unfinished`, by id) and its waiting commands."""

    def __init__(self) -> None:
        self.unfinished: dict[str, None] = {}
        self._waiting: deque[Command] = deque()

    def forget(self, ids: Collection[str]) -> None:
        """These works are over, or nobody waits for them."""
        for work in ids:
            self.unfinished.pop(work, None)

    def keep(self, command: Command) -> None:
        """Hold a command until the engine is ready."""
        self._waiting.append(command)

    def watch(self, command: Watch) -> None:
        """Hold who looks at previews, when a work waits that it may be about."""
        if any(isinstance(held, Submit) for held in self._waiting):
            self._waiting.append(command)

    def cancel(self, ids: Collection[str]) -> tuple[str, ...]:
        """Drop waiting works; gives those that the engine will now never see."""
        wanted = set(ids)
        met = {held.work.id for held in self._waiting if isinstance(held, Submit)} & wanted
        self._waiting = deque(
            held for held in self._waiting if not (isinstance(held, Submit) and held.work.id in met)
        )
        self.forget(met)
        return tuple(met)

    def take_waiting(self) -> deque[Command]:
        """The commands that have waited, once."""
        waiting, self._waiting = self._waiting, deque()
        return waiting

    def lose(self) -> tuple[str, ...]:
        """Drop everything; gives the works that were unfinished."""
        ids = tuple(self.unfinished)
        self.unfinished.clear()
        self._waiting.clear()
        return ids

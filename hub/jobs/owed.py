"""What the storage did not take: a full disk or a locked database passes, and what became of a job is written
down once it has."""

import asyncio
import logging
from collections.abc import Callable, Hashable
from typing import Any

from hub.errors import storage_trouble

Written = asyncio.Future[Any]
"""Done once it is committed."""

AGAIN_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Owed:
    """Writes that are tried again until they are committed, in their order. Of one key the latest counts.

    What is still owed when the hub is killed is found out at the next start: the job is unfinished then, and
    goes on with the pictures that are there.
    """

    def __init__(self, again_seconds: float = AGAIN_SECONDS) -> None:
        self._again_seconds = again_seconds
        self._latest: dict[Hashable, int] = {}  # the write of each key that counts, until it is committed
        self._owed: dict[int, tuple[Hashable, Callable[[], Written]]] = {}
        self._count = 0
        self._alarm: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._owed)

    def hand_over(self, key: Hashable, write: Callable[[], Written]) -> Written:
        """Write; the future is that of the first try."""
        self._count += 1
        number = self._latest[key] = self._count
        written = write()
        written.add_done_callback(lambda done: self._tried(number, key, write, done))
        return written

    async def close(self) -> None:
        """Try once more what is owed."""
        if self._alarm is not None:
            self._alarm.cancel()
        owed, self._owed = self._owed, {}
        last = [write() for key, write in owed.values()]
        for trouble in await asyncio.gather(*last, return_exceptions=True):
            if isinstance(trouble, Exception):
                _log.error("A job's end could not be written, the next start finds it out: %s", trouble)

    def _tried(self, number: int, key: Hashable, write: Callable[[], Written], done: Written) -> None:
        if self._latest.get(key) != number:
            return  # a later word about the same thing is on its way
        trouble = None if done.cancelled() else done.exception()
        if trouble is None or storage_trouble(trouble) is None:
            del self._latest[key]
            if trouble is not None:
                _log.error("What became of %s could not be written: %s", key, trouble)
            return
        if not self._owed:
            _log.error("What became of %s cannot be written, it is tried again: %s", key, trouble)
            self._alarm = asyncio.get_running_loop().call_later(self._again_seconds, self._again)
        self._owed[number] = (key, write)

    def _again(self) -> None:
        self._alarm = None
        owed, self._owed = self._owed, {}
        for number, (key, write) in sorted(owed.items()):
            if self._latest.get(key) == number:
                self.hand_over(key, write)

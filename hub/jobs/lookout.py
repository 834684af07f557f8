"""Takes images away from engines that run them and make no progress: looks round now and then."""

import asyncio
import time
from collections.abc import Callable

from hub.jobs.floor import Floor

LONGEST_PAUSE = 5.0
"""Seconds between two looks."""


class Lookout:
    """Looks at every image at an engine."""

    def __init__(self, floor: Floor, clock: Callable[[], float] = time.monotonic) -> None:
        self._floor = floor
        self._least: Callable[[], float] = lambda: 0.0
        self._clock = clock
        self._looked = clock()
        self._timer: asyncio.TimerHandle | None = None

    def start(self, least: Callable[[], float]) -> None:
        """Begin to look; `least` answers for how many seconds an engine may say nothing of an image that it
        runs, 0 for any time."""
        self._least = least
        self._looked = self._clock()
        self._again()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _pause(self) -> float:
        least = self._least()
        return min(LONGEST_PAUSE, least / 4) if least > 0 else LONGEST_PAUSE

    def _again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._pause(), self._look)

    def _look(self) -> None:
        now, least = self._clock(), self._least()
        late = now - self._looked > 2 * self._pause() + 1
        self._looked = now
        if late:  # a stopped laptop, a debugger, a busy machine: nothing was heard, whatever was said
            self._floor.seats.forgive(now)
        elif least > 0:
            self._floor.look_for_stuck(now, least)
        self._again()

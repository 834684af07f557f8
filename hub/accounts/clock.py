"""The time as the accounts write it down."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Gives unix milliseconds; tests pass their own."""


def steady_ms() -> int:
    """Milliseconds since this machine was started, its sleep included where the system counts that; nobody
    can set this clock."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime_ns(boot) // 1_000_000 if boot is not None else time.monotonic_ns() // 1_000_000


STEP_MS = 60_000
"""By how much a clock must have been set to be believed: less is the keeping of time."""


class Steps:
    """Notices when the clock is set, by one that nobody can set."""

    def __init__(self, clock: Clock, steady: Clock) -> None:
        self._clock = clock
        self._steady = steady
        self._apart = clock() - steady()

    def look(self) -> tuple[int, int]:
        """The time, and by how many milliseconds the clock was set since the last look, mostly 0."""
        now = self._clock()
        apart = now - self._steady()
        moved = apart - self._apart
        if abs(moved) < STEP_MS:
            return now, 0
        self._apart = apart
        return now, moved


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000

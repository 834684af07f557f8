"""The time as the accounts write it down."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Gives unix milliseconds; tests pass their own."""


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000

"""The last lines that every engine has said, so that an administrator sees why one fails."""

import time
from collections import deque

from msgspec import Struct

from backends.contract import Log

MOST = 200
"""Lines kept of one engine."""
LONGEST = 2000
"""Characters kept of a line."""


class Line(Struct, frozen=True):
    """One line: when it came (unix seconds), its level (debug, info, warning or error) and its text."""

    time: float
    level: str
    text: str


class Lines:
    """A ring of lines for each engine, oldest first."""

    def __init__(self) -> None:
        self._rings: dict[int, deque[Line]] = {}

    def add(self, engine: int, report: Log) -> None:
        """Keep a line."""
        ring = self._rings.setdefault(engine, deque(maxlen=MOST))
        ring.append(Line(time.time(), report.level, report.text[:LONGEST]))

    def of(self, engine: int) -> tuple[Line, ...]:
        """What is kept of one."""
        return tuple(self._rings.get(engine, ()))

    def move(self, engine: int, to: int | None) -> None:
        """The engine has another number now, or (None) is gone."""
        ring = self._rings.pop(engine, None)
        if ring is not None and to is not None:
            self._rings[to] = ring

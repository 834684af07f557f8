"""The last lines of the log by kind, under one row of numbers (swarm-api §11)."""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable

from msgspec import Struct

from hub.logs.scrubbed import Scrubbed

MOST = 1024
"""Lines kept of each kind."""
LONGEST = 4000
"""Characters kept of a line."""


class Kind(Struct, frozen=True):
    """A kind of lines: its `name` as shown, its `color` (#RRGGBB), and its `identifier` on the wire."""

    name: str
    color: str
    identifier: str


class Line(Struct, frozen=True):
    """One line. `sequence` grows over all kinds: it is when the line came, in microseconds since 1970."""

    sequence: int
    text: str

    @property
    def seconds(self) -> float:
        """When it came, since 1970."""
        return self.sequence / 1e6


KINDS = (
    Kind("Verbose", "#606060", "Verbose"),
    Kind("Debug", "#808080", "Debug"),
    Kind("Info", "#00FFFF", "Info"),
    Kind("Init", "#00FF00", "Init"),
    Kind("Warning", "#FFFF00", "Warning"),
    Kind("Error", "#FF0000", "Error"),
)
"""SwarmUI's kinds, with its colours. Python's levels fall into four of them."""

_LEVELS = ((logging.ERROR, "Error"), (logging.WARNING, "Warning"), (logging.INFO, "Info"))


class Recent(logging.Handler):
    """A log handler that keeps what it hears. Lines may come from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._rings: dict[str, deque[Line]] = {kind.identifier: deque(maxlen=MOST) for kind in KINDS}
        self._last = 0
        self._guard = threading.Lock()
        self.setFormatter(Scrubbed("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        try:
            text = self.format(record)[:LONGEST]
        except Exception:  # a record whose arguments do not fit must not stop who wrote it
            self.handleError(record)
            return
        kind = next((name for level, name in _LEVELS if record.levelno >= level), "Debug")
        with self._guard:
            self._last = max(self._last + 1, int(record.created * 1e6))
            self._rings[kind].append(Line(self._last, text))

    def from_level(self, kind: str) -> list[tuple[str, Line]]:
        """The lines of a kind and of all graver ones, each with its kind, in the order in which they came;
        none of an unknown kind."""
        names = [each.identifier for each in KINDS]
        if kind not in names:
            return []
        with self._guard:
            found = [(name, line) for name in names[names.index(kind) :] for line in self._rings[name]]
        return sorted(found, key=lambda each: each[1].sequence)

    def of(self, kind: str, after: int = 0) -> list[Line]:
        """The lines of a kind that came after a number, oldest first; none of an unknown kind."""
        with self._guard:
            return newer(self._rings.get(kind, ()), after)

    @property
    def last(self) -> int:
        """The number of the newest line; 0 before the first."""
        return self._last


def newer(lines: Iterable[Line], after: int) -> list[Line]:
    """Those of the lines that came after a number."""
    return [line for line in lines if line.sequence > after]


def clock_text(seconds: float) -> str:
    """A moment by the server's clock, as SwarmUI's clients read it: yyyy-MM-dd HH:mm:ss.fff."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}"

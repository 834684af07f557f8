"""Samples over time in rings of three grains, each a table of columns. Pure: the time is passed in.

A row of a coarser grain is the mean of the samples that fell into it. Memory is bounded: so many rows, and
at most `MOST_COLUMNS` columns of doubles.
"""

import math
from array import array
from collections.abc import Mapping

from msgspec import Struct

GRAINS = ((1.0, 300), (10.0, 360), (120.0, 720))
"""Seconds between two rows and how many rows are kept: five minutes, an hour, a day."""

MOST_COLUMNS = 128
NOTHING = math.nan
"""What stands where a column had no value; JSON says null."""


class History(Struct, frozen=True):
    """Rows of one grain as columns: `step` seconds apart, `times` in seconds as they were passed in."""

    step: float
    times: list[float]
    columns: dict[str, list[float | None]]


class Ring:
    """One grain. A row is closed, and told of, when the first sample of a later one comes."""

    def __init__(self, step: float, rows: int) -> None:
        self.step = step
        self._rows = rows
        self._times: array[float] = array("d", [NOTHING]) * rows
        self._columns: dict[str, array[float]] = {}
        self._seen: dict[str, int] = {}  # the row of each column's last value, counted from the first row
        self._count = 0
        self._slot = -1
        self._sums: dict[str, tuple[float, int]] = {}

    def add(self, now: float, values: Mapping[str, float]) -> None:
        """Take a sample; `now` may not run backwards."""
        slot = int(now // self.step)
        if slot != self._slot:
            self._close()
            self._slot = slot
        for name, value in values.items():
            if not math.isnan(value):
                total, many = self._sums.get(name, (0.0, 0))
                self._sums[name] = (total + value, many + 1)

    def _close(self) -> None:
        if self._slot < 0:
            return
        place = self._count % self._rows
        self._times[place] = self._slot * self.step
        for column in self._columns.values():
            column[place] = NOTHING
        for name, (total, many) in self._sums.items():
            kept = self._columns.get(name)
            filled = self._begin(name) if kept is None else kept
            if filled is not None:
                filled[place] = total / many
                self._seen[name] = self._count
        self._sums.clear()
        self._count += 1
        for name in [name for name, seen in self._seen.items() if self._count - seen > self._rows]:
            del self._columns[name], self._seen[name]

    def _begin(self, name: str) -> "array[float] | None":
        """A new column, empty so far; None when there are too many."""
        if len(self._columns) >= MOST_COLUMNS:
            return None
        self._columns[name] = array("d", [NOTHING]) * self._rows
        return self._columns[name]

    def since(self, after: float) -> History:
        """The closed rows after a time, oldest first."""
        first = max(0, self._count - self._rows)
        places = [number % self._rows for number in range(first, self._count)]
        kept = [place for place in places if self._times[place] > after]
        columns = {
            name: [None if math.isnan(value := column[place]) else value for place in kept]
            for name, column in sorted(self._columns.items())
        }
        return History(self.step, [self._times[place] for place in kept], columns)


class Rings:
    """The same samples in every grain."""

    def __init__(self, grains: tuple[tuple[float, int], ...] = GRAINS) -> None:
        self._rings = [Ring(step, rows) for step, rows in grains]

    def add(self, now: float, values: Mapping[str, float]) -> None:
        """Take a sample."""
        for ring in self._rings:
            ring.add(now, values)

    def since(self, step: float, after: float) -> History:
        """The rows of the finest grain that is at least `step` seconds coarse, else of the coarsest."""
        ring = next((ring for ring in self._rings if ring.step >= step), self._rings[-1])
        return ring.since(after)

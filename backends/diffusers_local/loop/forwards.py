"""One forward of a group, whatever happens in it: a guilty request fails alone, and memory that runs out
makes the next one smaller.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from backends.diffusers_local import steps
from backends.diffusers_local.loop.memory import Gauge, out_of_memory
from backends.diffusers_local.loop.pace import Paces
from backends.diffusers_local.loop.turns import Turns
from backends.diffusers_local.row import Row
from backends.diffusers_local.steps import Prediction


class Threads:
    """Sets how many threads native code uses on the engine's thread: as many as have been fastest."""

    def __init__(self) -> None:
        self.most = torch.get_num_threads()
        self._paces = Paces(self.most)

    def use(self, count: int) -> None:
        """From now on so many."""
        if count != torch.get_num_threads():
            torch.set_num_threads(count)

    def pick(self, row: Row, what: str, count: int) -> int:
        """As many as suit something for `count` rows like this one."""
        # a work that must be repeatable must not depend on how busy the machine was
        return self.most if row.alone else self._paces[what, row.key, count].threads()

    def note(self, row: Row, what: str, count: int, threads: int, seconds: float) -> None:
        """That took so long with so many."""
        if not row.alone:
            self._paces[what, row.key, count].record(threads, seconds)

    @contextmanager
    def of(self, row: Row, what: str, count: int) -> Iterator[None]:
        """Run something for `count` rows like this one."""
        threads = self.pick(row, what, count)
        self.use(threads)
        begun = time.perf_counter()
        yield
        self.note(row, what, count, threads, time.perf_counter() - begun)


class Forwards:
    """Runs forwards and learns from them.

    `take(row, prediction)` takes the row's step, `fail(row, error)` ends it, `relieve()` gives back all
    memory that is not needed.
    """

    def __init__(
        self,
        turns: Turns[Any],
        threads: Threads,
        gauge: Gauge,
        take: Callable[[Row, Prediction], None],
        fail: Callable[[Row, Exception], None],
        relieve: Callable[[], None],
    ) -> None:
        self._turns = turns
        self._threads = threads
        self._gauge = gauge
        self._take = take
        self._fail = fail
        self._relieve = relieve
        self.seconds = 0.0
        """What the last forward took, with its requests' steps."""

    def run(self, rows: Sequence[Row]) -> None:
        """Take the next step of these rows; where memory runs out, none does, and the next try is smaller."""
        error = self._together(rows)
        if error is None:
            return
        if out_of_memory(error):
            if len(rows) > 1:
                self._turns.ran_out(rows)
            self._relieve()
            if len(rows) > 1:
                return
        elif len(rows) == 1:
            self._fail(rows[0], error)
            return
        # each alone once, so that only the guilty one fails
        for row in rows:
            if (own := self._together([row])) is not None:
                self._fail(row, own)

    def _together(self, rows: Sequence[Row]) -> Exception | None:
        """One forward for all. An error comes back without its traceback, which would keep tensors alive."""
        group = self._turns.sizes[rows[0].key]
        new = not group.measured(len(rows))
        count = sum(len(row.states) for row in rows)
        begun = time.perf_counter()
        try:
            with self._threads.of(rows[0], "forward", len(rows)):
                peak, predictions = self._predict(rows, watched=new)
        except Exception as error:
            error.__traceback__ = None
            return error
        for row, prediction in zip(rows, predictions, strict=True):
            self._take(row, prediction)
        self._gauge.settle()
        self.seconds = time.perf_counter() - begun
        if peak:
            group.size.weigh(len(rows), peak)
        self._turns.took(rows, count, self.seconds)
        return None

    def _predict(self, rows: Sequence[Row], *, watched: bool) -> tuple[int, list[Prediction]]:
        """The predictions, and the bytes that took beyond what was held (0: not watched)."""
        if not watched:
            return 0, steps.predict(rows)
        with self._gauge.watch() as peak:
            predictions = steps.predict(rows)
        return peak.bytes, predictions

"""From finished latents to pictures on their way out: decoding between two steps, and what is said of
failures.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import torch
from PIL import Image as Picture

from backends.contract import Cancelled, Emit, Failed, Log, Work
from backends.diffusers_local import steps
from backends.diffusers_local.pictures import pictures
from backends.diffusers_local.pictures.press import Finished, Press
from backends.diffusers_local.row import Row

_DECODED_TOGETHER = 2

Pacer = Callable[[list[Row], str], AbstractContextManager[None]]
"""Runs a forward of these rows with the threads that suit it."""


class Results:
    """Finished rows waiting to be decoded."""

    def __init__(self, press: Press, emit: Emit, pace: Pacer) -> None:
        self._press = press
        self._emit = emit
        self._pace = pace
        self._rows: list[Row] = []

    @property
    def rows(self) -> tuple[Row, ...]:
        """What waits, oldest first."""
        return tuple(self._rows)

    def add(self, row: Row) -> None:
        """This row has taken its last step."""
        self._rows.append(row)

    def cancel(self, ids: frozenset[str]) -> None:
        """Drop these."""
        for row in [row for row in self._rows if row.work.id in ids]:
            self._rows.remove(row)
            self._press.put(Cancelled(row.work.id))

    def decode_some(self) -> None:
        """Decode up to two rows of one shape: more at once would keep the others' steps waiting."""
        if not self._rows:
            return
        first = self._rows[0]
        rows = [first]
        if not first.alone:
            alike = [row for row in self._rows if row.key == first.key and not row.alone]
            rows = alike[:_DECODED_TOGETHER]
        self._rows = [row for row in self._rows if row not in rows]
        drawn = [row for row in rows if not self._is_untouched(row) and self._is_finite(row)]
        if not drawn:
            return
        try:
            with self._pace(drawn, "decode"):
                decoded = steps.decode(drawn)
        except Exception as error:
            for row in drawn:
                self._press.put(self.failure(row.work, error))
            return
        for row, pixels in zip(drawn, decoded, strict=True):
            self._deliver(row, partial(pictures.as_picture, pixels))

    def failure(self, work: Work, error: Exception) -> Failed:
        """What a user is told; the log gets the rest. The traceback is dropped: it would keep tensors
        alive.
        """
        error.__traceback__ = None
        if out_of_memory(error):
            size = f"{work.width}x{work.height}"
            return Failed(work.id, f"There is not enough memory to draw {size} pixels; ask for less.")
        self._emit(Log("error", f"{work.id}: {type(error).__name__}: {error}"))
        return Failed(work.id, f"Drawing failed: {error}")

    def _is_untouched(self, row: Row) -> bool:
        """A start redrawn by no step is delivered as it is, not through the decoder."""
        if row.start is None or len(row.times):
            return False
        start = row.start
        self._deliver(row, lambda: start)
        return True

    def _is_finite(self, row: Row) -> bool:
        """A picture of no numbers would otherwise come out as a plausible flat one."""
        if bool(torch.isfinite(row.latents).all()):
            return True
        reason = (
            f"The picture came out as no numbers with sampler {row.work.sampler!r}, "
            f"scheduler {row.work.scheduler!r} and CFG {row.work.cfg_scale:g}; try others."
        )
        self._press.put(Failed(row.work.id, reason))
        return False

    def _deliver(self, row: Row, pixels: Callable[[], Picture.Image]) -> None:
        seconds = time.perf_counter() - row.begun
        finish = row.masked.finish if row.masked is not None else None
        centred = row.start is not None
        self._press.put(
            Finished(row.work, row.plan, pixels, row.load_seconds, seconds, row.notes, centred, finish)
        )


def out_of_memory(error: Exception) -> bool:
    """Memory ran out, the device's or the machine's."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)

"""From finished latents to pictures on their way out: decoding between the steps of others, and what is said
of failures.
"""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as Picture

from backends.contract import Cancelled, Emit, Failed, Log, Work
from backends.diffusers_local import steps
from backends.diffusers_local.loop.errands import Errand, Errands
from backends.diffusers_local.loop.memory import out_of_memory
from backends.diffusers_local.loop.pace import Costs
from backends.diffusers_local.loop.slices import in_one, in_slices
from backends.diffusers_local.pictures import pictures
from backends.diffusers_local.pictures.pieces import Tiling, decode_in_pieces, halves_of, tiles_for
from backends.diffusers_local.pictures.press import Finished, OnTheWay, Press
from backends.diffusers_local.pictures.scale import unscaled
from backends.diffusers_local.row import Row

_DECODED_TOGETHER = 2
_SHORT = 0.02  # seconds of a decode that is done in one go whoever waits

Pixels = npt.NDArray[np.float32]


class Pacer(Protocol):
    """Knows how many threads suit what; see forwards.Threads."""

    def pick(self, row: Row, what: str, count: int) -> int:
        """As many as suit something for so many rows like this one."""

    def use(self, count: int) -> None:
        """From now on so many."""

    def note(self, row: Row, what: str, count: int, threads: int, seconds: float) -> None:
        """That took so long with so many."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A finished row; after a failure it is decoded `apart` from others, and `tiled` when memory ran out."""

    row: Row
    apart: bool = False
    tiled: bool = False


class Results:
    """Finished rows waiting to be decoded. `relieve()` gives back all memory that is not needed."""

    def __init__(
        self, press: Press, emit: Emit, errands: Errands, pace: Pacer, relieve: Callable[[], None]
    ) -> None:
        self._press = press
        self._emit = emit
        self._errands = errands
        self._pace = pace
        self._relieve = relieve
        self._waiting: list[Waiting] = []
        self._costs = Costs()  # of decoding one

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def works(self) -> list[Work]:
        """What waits, oldest first."""
        return [waiting.row.work for waiting in self._waiting]

    def add(self, row: Row) -> None:
        """This row has taken its last step."""
        if not self._is_untouched(row) and self.is_finite(row):
            self._waiting.append(Waiting(row))

    def show(self, row: Row, picture: Picture.Image) -> None:
        """This picture came up on the way of a row whose work goes on."""
        self._press.put(OnTheWay(row.work, picture, time.perf_counter() - row.begun))

    def cancel(self, ids: frozenset[str]) -> None:
        """Drop these."""
        for waiting in [waiting for waiting in self._waiting if waiting.row.work.id in ids]:
            self._waiting.remove(waiting)
            self._press.put(Cancelled(waiting.row.work.id))

    def begin_next(self, step: float | None) -> None:
        """Put the oldest in the line of errands, with another of its shape if both fit into the time of a
        `step` of those who wait (None: nobody does).
        """
        first = self._waiting[0]
        kind = _kind(first.row)
        together = [first]
        fits = step is None or self._costs.are_short(kind, step / _DECODED_TOGETHER)
        if fits and not (first.row.alone or first.apart):
            alike = [
                one for one in self._waiting if _kind(one.row) == kind and not (one.row.alone or one.apart)
            ]
            together = alike[:_DECODED_TOGETHER]
        self._waiting = [one for one in self._waiting if one not in together]
        rows = [one.row for one in together]
        threads = self._pace.pick(first.row, "decode", len(rows))
        errand = Errand(
            works=[row.work for row in rows],
            pieces=self._decode(together, short=self._costs.are_short(kind, max(_SHORT, step or 0.0))),
            ended=lambda pixels: self._take(rows, pixels, errand, threads),
            failed=lambda error: self._retry(together, errand, error),
            before=lambda: self._pace.use(threads),
        )
        self._errands.add(errand)

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

    def is_finite(self, row: Row) -> bool:
        """False, and the work has failed, when its latents are no numbers: that picture would otherwise come
        out as a plausible flat one.
        """
        if bool(torch.isfinite(row.latents).all()):
            return True
        reason = (
            f"The picture came out as no numbers with sampler {row.work.sampler!r}, "
            f"scheduler {row.work.scheduler!r} and CFG {row.work.cfg_scale:g}; try others."
        )
        self._press.put(Failed(row.work.id, reason))
        return False

    # ---- decoding ------------------------------------------------------------------------------------------

    def _decode(self, waiting: Sequence[Waiting], *, short: bool) -> Generator[None, None, Sequence[Pixels]]:
        rows = [one.row for one in waiting]
        first = rows[0]
        tiling = tiles_for(first.work.extra, first.plan.drawn, first.model.scale)
        if waiting[0].tiled and tiling is None:
            tiling = halves_of(first.latents)

        def decode(pause: Callable[[], None]) -> Sequence[Pixels]:
            if tiling is None:
                return steps.decode(rows)
            return [_in_tiles(row, tiling, pause) for row in rows]

        if short:
            return (yield from in_one(decode))
        return (yield from in_slices(decode, self._errands.allowance, [first.kit.vae]))

    def _take(self, rows: Sequence[Row], pixels: Sequence[Pixels], errand: Errand, threads: int) -> None:
        self._pace.note(rows[0], "decode", len(rows), threads, errand.seconds)
        self._costs.note(_kind(rows[0]), errand.seconds / len(rows))
        for row, picture in zip(rows, pixels, strict=True):
            if row.work in errand.works:
                self._deliver(row, partial(pictures.as_picture, picture), picture)

    def _retry(self, waiting: Sequence[Waiting], errand: Errand, error: Exception) -> None:
        """Each alone once, so that only the guilty one fails; and once in tiles when memory ran out."""
        error.__traceback__ = None
        tight = out_of_memory(error)
        if tight:
            self._relieve()
        for one in waiting:
            if one.row.work not in errand.works:
                continue
            if len(waiting) > 1 or (tight and not one.tiled):
                one.tiled = one.tiled or (tight and len(waiting) == 1)
                one.apart = True
                self._waiting.insert(0, one)
            else:
                self._press.put(self.failure(one.row.work, error))

    def _is_untouched(self, row: Row) -> bool:
        """A start redrawn by no step is delivered as it is, not through the decoder."""
        if row.start is None or len(row.times):
            return False
        start = row.start
        self._deliver(row, lambda: start)
        return True

    def _deliver(self, row: Row, pixels: Callable[[], Picture.Image], floats: Pixels | None = None) -> None:
        seconds = time.perf_counter() - row.begun
        finish = row.masked.finish if row.masked is not None else None
        centred = row.start is not None
        self._press.put(
            Finished(
                row.work, row.plan, pixels, row.load_seconds, seconds, row.notes, centred, finish, floats
            )
        )


def _kind(row: Row) -> tuple[Any, ...]:
    """Rows of one kind can be decoded together."""
    return (row.model.key, id(row.kit.vae), row.latents.shape, row.tiling, row.work.extra.get("vaetilesize"))


def _in_tiles(row: Row, tiling: Tiling, pause: Callable[[], None]) -> Pixels:
    vae = row.kit.vae
    tiles = decode_in_pieces(
        vae, unscaled(vae, row.latents.to(vae.dtype)), tiling, row.model.scale, row.tiling
    )
    while True:
        try:
            next(tiles)
        except StopIteration as end:
            pixels: Pixels = end.value[0].float().cpu().numpy()
            return pixels
        pause()

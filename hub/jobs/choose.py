"""Which engine takes which waiting image, from a snapshot. Pure.

What is measured weighs: an engine that has to load the model first, or that draws slowly, is passed over
while another one is about to be free and would be done earlier; and an engine is not taken from those who
wait for the model in its memory for the sake of one who needs another, before that one has waited as long as
the loading takes (so neither way costs more than twice what the better one would have). Both end by
themselves: nobody is passed over longer than the way not taken would have taken.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from hub.jobs.fit import HEALTHY, Seat, may_serve, misfit
from hub.jobs.need import Need

ALIKE = 1.25
"""Engines whose expected times differ by less than this factor count as equally quick."""

Why = Callable[[Need, Seat], str | None]


class Scales(Protocol):
    """What has been measured; seconds."""

    def load(self, engine: int, model: str) -> float:
        """How long an engine takes to load a model, 0 while nothing is known."""

    def draw(self, engine: int, model: str) -> float | None:
        """How long an engine takes for an average image with a model, None while nothing is known."""

    def free_in(self, engine: int) -> float | None:
        """When a busy engine is expected to have a place, None while nothing is known."""

    def images(self, need: Need) -> int:
        """How many images wait with a need."""

    def waited(self, need: Need) -> float:
        """For how long they have been passed over."""


class Choice(Struct, frozen=True):
    """`need` goes to the engine `engine`; None when nobody goes anywhere now. `passed` could have gone and
    were passed over; in `again` seconds at the latest the question is to be asked anew (None: no need).
    """

    need: Need | None = None
    engine: int = -1
    passed: tuple[Need, ...] = ()
    again: float | None = None


class Unmeasured:
    """Nothing is known."""

    def load(self, engine: int, model: str) -> float:
        """Nothing is known to take time."""
        return 0.0

    def draw(self, engine: int, model: str) -> float | None:
        """Unknown."""
        return None

    def free_in(self, engine: int) -> float | None:
        """Unknown."""
        return None

    def images(self, need: Need) -> int:
        """One, at least."""
        return 1

    def waited(self, need: Need) -> float:
        """Nobody was passed over."""
        return 0.0


def choose(
    needs: Sequence[Need], seats: Sequence[Seat], scales: Scales | None = None, why: Why = misfit
) -> Choice:
    """The first need, in the given fair order, that an engine can take now and should, with that engine.

    Of several engines the one that is expected to be done first; of those that are alike one that holds the
    model already, then the emptiest, then the one unused for longest, so that its models are the least
    missed. One that could not be started is asked only when no other can ever do it. For an image that must
    be alone the emptiest engine is kept free of the images behind it, until it is empty: otherwise it would
    wait for ever.
    """
    enabled = [seat for seat in seats if seat.state.enabled]
    if not any(seat.free > 0 for seat in enabled):
        return Choice()
    scales = scales or Unmeasured()
    kept: set[int] = set()
    passed: list[Need] = []
    again: list[float] = []
    for place, need in enumerate(needs):
        fitting = [seat for seat in _able(need, enabled, why) if seat.id not in kept]
        ready = [seat for seat in fitting if (not seat.held if need.alone else seat.free > 0)]
        if need.alone and fitting and not ready:
            kept.add(max(fitting, key=lambda seat: seat.free).id)
        if not ready:
            continue
        best = _best(need, ready, scales)
        patience = 0.0
        if not need.alone:
            patience = max(
                _until_a_better(need, best, fitting, scales),
                _until_its_turn(need, best, needs[place + 1 :], scales, why),
            )
        if patience <= 0:
            return Choice(need, best.id, tuple(passed))
        passed.append(need)
        again.append(patience)
    return Choice(passed=tuple(passed), again=min(again, default=None))


def _able(need: Need, enabled: Sequence[Seat], why: Why) -> list[Seat]:
    """The engines that may take it: the running ones, else those that failed to start when no other can."""
    able = [seat for seat in enabled if why(need, seat) is None]
    if need.shuns is not None:
        able = [s for s in able if s.id != need.shuns and s.state.status in HEALTHY] or able
    if any(seat.state.status in HEALTHY for seat in able):
        return [seat for seat in able if seat.state.status == "running"]
    return [seat for seat in able if may_serve(seat.state)]


def _best(need: Need, ready: Sequence[Seat], scales: Scales) -> Seat:
    if len(ready) == 1:
        return ready[0]
    known = [seconds for seat in ready if (seconds := scales.draw(seat.id, need.model)) is not None]
    unknown = min(known, default=0.0)  # one that was never tried is tried
    times = {seat.id: _expected(need, seat, scales, unknown) for seat in ready}
    quick = min(times.values()) * ALIKE
    return min(
        ready,
        key=lambda seat: (
            times[seat.id] > quick,
            not _holds(seat, need),
            -seat.free,
            seat.state.last_used,
            seat.id,
        ),
    )


def _expected(need: Need, seat: Seat, scales: Scales, unknown: float) -> float:
    """Seconds until an engine with a free place would be done with the image."""
    draw = scales.draw(seat.id, need.model)
    load = 0.0 if _holds(seat, need) else scales.load(seat.id, need.model)
    return load + (seat.held + 1) * (unknown if draw is None else draw)


def _until_a_better(need: Need, best: Seat, fitting: Sequence[Seat], scales: Scales) -> float:
    """For how many seconds more to wait for a busy engine that would have done all of the need's images
    before the free one has done one; 0 to take the free one."""
    draw = scales.draw(best.id, need.model)
    if draw is None:
        return 0.0
    cost = _expected(need, best, scales, draw)
    left = cost - scales.waited(need)
    if left <= 0:
        return 0.0
    for seat in fitting:
        if seat.free > 0 or seat.id == best.id:
            continue
        free, other = scales.free_in(seat.id), scales.draw(seat.id, need.model)
        if free is None or other is None:
            continue
        load = 0.0 if _holds(seat, need) else scales.load(seat.id, need.model)
        # The place that becomes free is behind the others it still holds then.
        before = max(seat.held - 1, 0) + scales.images(need)
        if free + load + before * other < cost:
            return left
    return 0.0


def _until_its_turn(need: Need, best: Seat, behind: Sequence[Need], scales: Scales, why: Why) -> float:
    """For how many seconds more to leave an engine to those behind who need what it holds; 0 to take it."""
    if _holds(best, need) or not best.state.models:
        return 0.0
    pressure = scales.images(need) * scales.waited(need)
    left = scales.load(best.id, need.model) - pressure
    if left <= 0:
        return 0.0
    if any(_holds(best, other) and not other.alone and why(other, best) is None for other in behind):
        return left / max(1, scales.images(need))
    return 0.0


def _holds(seat: Seat, need: Need) -> bool:
    return need.model in seat.state.models

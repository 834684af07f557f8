"""How far somebody is from being served, and how long that will take. Pure.

The place follows from the rule of the line: while users take turns, one with `mine` own images before an
image lets each other user have as many turns, and one more to those who come before him. Adding up is done
once for a user, a question then costs O(log users) however many images wait.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from math import inf

HALF = 32.0  # finished images after which an old measurement counts half


class Others:
    """Everybody else who waits, as (how many images, whether served before us when we stand next)."""

    def __init__(self, waiting: Iterable[tuple[int, bool]]) -> None:
        counts: tuple[list[int], list[int]] = ([], [])
        for many, first in waiting:
            counts[first].append(many)
        self._later, self._first = (sorted(each) for each in counts)
        self._later_sums, self._first_sums = ([0, *accumulate(each)] for each in (self._later, self._first))

    def before(self, mine: int) -> int:
        """How many of their images come before ours that has `mine` of our own before it."""
        later = _sum_up_to(self._later, self._later_sums, mine)
        return later + _sum_up_to(self._first, self._first_sums, mine + 1)


def _sum_up_to(counts: list[int], sums: list[int], most: int) -> int:
    """The sum of min(count, most)."""
    small = bisect_left(counts, most)
    return sums[small] + most * (len(counts) - small)


class Pace:
    """How fast images get done: busy seconds against finished work, old measurements fading out.

    Work is counted in pixel steps. Time passes only while an engine holds an image.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._work = 0.0
        self._images = 0.0
        self._held = 0
        self._since = 0.0

    @property
    def sums(self) -> tuple[float, float, float]:
        """Busy seconds, pixel steps and finished images, as they count now."""
        return self._seconds, self._work, self._images

    def recall(self, sums: tuple[float, float, float]) -> None:
        """Begin with what was measured before."""
        if all(0 < value < inf for value in sums):
            self._seconds, self._work, self._images = sums

    def begin(self, now: float) -> None:
        """An engine takes an image at `now` (seconds)."""
        if not self._held:
            self._since = now
        self._held += 1

    @property
    def held(self) -> int:
        """How many images are held now."""
        return self._held

    @property
    def rate(self) -> float | None:
        """Pixel steps a second, None before anything has been measured."""
        return self._work / self._seconds if self._work and self._seconds > 0 else None

    @property
    def mean_work(self) -> float:
        """Pixel steps of an average image, 0 before one was finished."""
        return self._work / self._images if self._images else 0.0

    def end(self, now: float, work: float = 0.0, apart: float = 0.0) -> None:
        """An engine lets an image go: finished when `work` (pixel steps) is more than none. `apart` seconds
        of the time are not counted."""
        if work > 0:
            self._seconds, self._work, self._images = (
                value * 0.5 ** (1 / HALF) for value in (self._seconds, self._work, self._images)
            )
            self._work += work
            self._images += 1
        self._seconds += max(0.0, now - self._since - apart)
        self._since = now
        self._held = max(0, self._held - 1)

    def seconds(self, images: int, own: float) -> float | None:
        """Seconds until `images` average ones and `own` further pixel steps are done; None before anything
        has been measured."""
        if not self._work:
            return None
        return (images * self._work / self._images + own) * self._seconds / self._work

"""How long the latest images waited and were drawn, and what each engine has got done. Pure."""

from collections import Counter, deque
from collections.abc import Sequence

MOST = 512
"""Images remembered of each kind of time."""


class Times:
    """Seconds of the latest images: `waited` from acceptance to the first step, `drawn` from there to the
    saved picture. Since the start: `images` how many pictures each engine has made, `loads` how many models
    were loaded and `loading` the seconds that took.
    """

    def __init__(self) -> None:
        self.images: Counter[int] = Counter()
        self.loads = 0
        self.loading = 0.0
        self._waited: deque[tuple[float, float]] = deque(maxlen=MOST)
        self._drawn: deque[tuple[float, float]] = deque(maxlen=MOST)

    def begun(self, now: float, accepted: float) -> None:
        """An image is being drawn since `now` (seconds)."""
        self._waited.append((now, max(0.0, now - accepted)))

    def made(self, now: float, begun: float | None, engine: int | None) -> None:
        """A picture of an engine is saved."""
        if engine is not None:
            self.images[engine] += 1
        if begun is not None:
            self._drawn.append((now, max(0.0, now - begun)))

    def loaded(self, seconds: float) -> None:
        """A model was loaded."""
        if seconds > 0:
            self.loads += 1
            self.loading += seconds

    def waited(self, since: float) -> list[float]:
        """Seconds that each of the latest images waited which were begun after a time, shortest first."""
        return sorted(seconds for when, seconds in self._waited if when > since)

    def drawn(self, since: float) -> list[float]:
        """Seconds that drawing each of the latest images took which were made after a time."""
        return sorted(seconds for when, seconds in self._drawn if when > since)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that a share of them (0 to 1) does not exceed; there must be one at least."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

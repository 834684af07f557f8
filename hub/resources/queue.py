"""What the queue has going, as columns of a sample."""

import time
from collections.abc import Callable

from hub.jobs import Jobs, quantile

WINDOW_SECONDS = 300.0
"""Waiting and drawing times are those of the images of so many seconds."""


class QueueFigures:
    """Counters that only grow become rates between two samples. `sockets` tells how many are open."""

    def __init__(
        self,
        jobs: Jobs,
        sockets: Callable[[], int],
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._jobs = jobs
        self._sockets = sockets
        self._clock = clock
        self._wall = wall
        self._before: dict[str, float] = {}
        self._when = clock()

    def __call__(self) -> dict[str, float]:
        """The columns of now."""
        counts = self._jobs.counts()
        columns = {
            "queue_waiting": float(counts.waiting_backends),
            "queue_loading": float(counts.loading_models),
            "queue_drawn": float(counts.live_gens),
            "sockets": float(self._sockets()),
        }
        since = self._wall() - WINDOW_SECONDS
        for name, times in (
            ("wait", self._jobs.times.waited(since)),
            ("draw", self._jobs.times.drawn(since)),
        ):
            if times:
                columns[f"{name}_p50"] = quantile(times, 0.5)
                columns[f"{name}_p95"] = quantile(times, 0.95)
        return columns | self._rates()

    def _rates(self) -> dict[str, float]:
        """What was counted since the last sample, as so much a minute (`loading_share`: seconds a second)."""
        now = self._clock()
        seconds, self._when = now - self._when, now
        times = self._jobs.times
        counted = {
            "images_per_minute": float(self._jobs.ended_images["done"]),
            "failures_per_minute": float(self._jobs.ended_images["failed"]),
            "loads_per_minute": float(times.loads),
            "loading_share": times.loading / 60,
        }
        counted |= {f"engine{number}_images_per_minute": float(many) for number, many in times.images.items()}
        before, self._before = self._before, counted
        if seconds <= 0:
            return {}
        return {name: (value - before.get(name, 0.0)) * 60 / seconds for name, value in counted.items()}

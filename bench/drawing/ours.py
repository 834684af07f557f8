"""The engine as its worker runs it, in this process: the same drawer, asked by the contract's words."""

import itertools
import threading
import time
from collections.abc import Sequence
from typing import Any

from backends.contract import Cancel, Cancelled, Done, Failed, Image, Progress, Report, Submit, Work
from bench.drawing.asked import Round

PATIENCE = 600.0


class Engine:
    """One local engine and every report it gave, with the time of each."""

    def __init__(self) -> None:
        from backends.diffusers_local.drawer import DiffusersDrawer
        from backends.diffusers_local.engine import DiffusersSettings

        self._told: list[tuple[float, Report]] = []
        self._news = threading.Condition()
        self._drawer = DiffusersDrawer(DiffusersSettings(device="cpu"), self._tell)
        self._drawer.start()

    def _tell(self, report: Report) -> None:
        now = time.perf_counter()
        with self._news:
            self._told.append((now, report))
            self._news.notify_all()

    def stop(self) -> None:
        """End its thread."""
        self._drawer.stop()

    def draw(self, works: Sequence[Work]) -> Round:
        """All at once; returns when the last picture is out. Raises RuntimeError when one fails."""
        began = time.perf_counter()
        self.submit(works)
        ends = [self.wait(Done, work.id) for work in works]
        images = [self.wait(Image, work.id) for work in works]
        previews = tuple(
            next((t for t in self._previews(work.id)), image) - began
            for work, image in zip(works, images, strict=True)
        )
        made = Round(max(ends) - began, previews, len(images))
        self.forget()
        return made

    def submit(self, works: Sequence[Work]) -> None:
        """Hand them over and return."""
        for work in works:
            self._drawer.handle(Submit(work))

    def cancel(self, work: str) -> float:
        """Seconds from asking until the work has left."""
        began = time.perf_counter()
        self._drawer.handle(Cancel((work,)))
        return self.wait(Cancelled, work) - began

    def step_seconds(self, work: str, count: int) -> float:
        """Seconds of a step, once so many were walked: the longest of the last five."""
        times = [self.wait(Progress, work, number) for number in range(count - 5, count + 1)]
        return max(after - before for before, after in itertools.pairwise(times))

    def forget(self) -> None:
        """Drop what was told so far."""
        with self._news:
            self._told.clear()

    def wait(self, kind: type[Any], work: str, count: int = 1) -> float:
        """When the `count`th report of this kind came. Raises RuntimeError for a work that failed."""
        with self._news:
            while True:
                own = [(when, report) for when, report in self._told if getattr(report, "id", "") == work]
                failed = [report.reason for _, report in own if isinstance(report, Failed)]
                if failed:
                    raise RuntimeError(failed[0])
                times = [when for when, report in own if isinstance(report, kind)]
                if len(times) >= count:
                    return times[count - 1]
                if not self._news.wait(PATIENCE):
                    raise TimeoutError(f"no {kind.__name__} of {work} within {PATIENCE:.0f} s")

    def _previews(self, work: str) -> list[float]:
        return [
            when
            for when, report in self._told
            if isinstance(report, Progress) and report.id == work and report.preview is not None
        ]

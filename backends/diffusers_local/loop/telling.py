"""What is told of a work while it is drawn: that it began, its steps, and previews for those who look."""

import time
from collections.abc import Callable, Collection

from backends.contract import Progress, Started, Work
from backends.diffusers_local.loop.exclusive import Exclusive
from backends.diffusers_local.pictures.press import Press, Preview
from backends.diffusers_local.pictures.previews import Previews
from backends.diffusers_local.row import Row
from backends.diffusers_local.stock_steps import Foresee

PREVIEW_SECONDS = 0.05
"""At most one preview of a work in this time."""

_TOGETHER = 1 / 30  # of all works together at most one in this time, beside each one's first: a third of a
# millisecond each, they would cost more than a hundredth of the time otherwise


class Telling:
    """Puts the words about steps into the press. `at_work()` are the works without an end."""

    def __init__(self, press: Press, previews: Previews, at_work: Callable[[], Collection[Work]]) -> None:
        self._press = press
        self._previews = previews
        self._at_work = at_work
        self._hidden: set[str] = set()  # works whose previews nobody watches
        self.crowd = 1
        """How many works are being stepped."""

    def submitted(self, work: Work) -> None:
        """Take note whether its previews are wanted."""
        if not work.previews:
            self._hidden.add(work.id)

    def watch(self, ids: frozenset[str], watched: bool) -> None:
        """Somebody looks at these works, or nobody does any more."""
        known = {work.id for work in self._at_work()}
        self._hidden = (self._hidden - ids if watched else self._hidden | ids) & known

    def start(self, row: Row | Exclusive) -> None:
        """Its first step begins now, unless it has begun before."""
        if not row.begun:
            row.begin()
            self._press.put(Started(row.work.id, row.steps))

    def step(self, row: Row | Exclusive, foresee: Foresee) -> None:
        """It has taken a step."""
        progress = Progress(row.work.id, row.step, row.steps)
        now = time.perf_counter()
        pause = max(PREVIEW_SECONDS, _TOGETHER * self.crowd)
        unseen = row.work.id in self._hidden or now - row.shown < pause
        shower = None if unseen else self._previews.of(row.model)
        if shower is None:
            self._press.put(progress)
            return
        row.shown = now
        self._press.put(Preview(progress, foresee(), shower))

    def count(self, row: Row, done: int) -> None:
        """So many steps of its work are done, though they were none of its own."""
        self._press.put(Progress(row.work.id, done, row.steps))

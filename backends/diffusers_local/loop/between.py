"""The errands before the first step and between two walks: what makes a work's next row."""

from collections.abc import Callable, Generator

from PIL import Image as Picture

from backends.contract import Work
from backends.diffusers_local.features.second_pass import follow
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loop.errands import Errand, Errands
from backends.diffusers_local.loop.forwards import Threads
from backends.diffusers_local.loop.memory import out_of_memory
from backends.diffusers_local.loop.pace import Costs
from backends.diffusers_local.loop.slices import Pause, in_one, in_slices
from backends.diffusers_local.loop.telling import Telling
from backends.diffusers_local.prepare import prepare
from backends.diffusers_local.row import Row

After = Callable[[Row], Generator[int, None, Row]]
"""Makes the next row of a work; yields how many steps it has done since it last did."""


class Between:
    """Puts errands in line whose rows go to `enter`.

    They run with all `threads`: what is encoded once and kept must not depend on how busy the machine was.
    What fails goes to `refuse(work, error)`, but once more from the beginning when memory ran out, after
    `relieve()`. What a row drew on the way to more goes to `show`.
    """

    def __init__(
        self,
        errands: Errands,
        threads: Threads,
        telling: Telling,
        enter: Callable[[Row], None],
        refuse: Callable[[Work, Exception], None],
        relieve: Callable[[], None],
        show: Callable[[Row, Picture.Image], None],
    ) -> None:
        self._errands = errands
        self._threads = threads
        self._telling = telling
        self._enter = enter
        self._refuse = refuse
        self._relieve = relieve
        self._show = show
        self._costs = Costs()

    def prepare(self, work: Work, kit: Kit, step: float, *, again: bool = False) -> None:
        """Make a work's first row; in one go where that is known to take no longer than `step` seconds."""

        def make(_: Pause) -> Row:
            return follow(prepare(work, kit))

        def ended(row: Row) -> None:
            self._costs.note(kind, errand.seconds)
            self._enter(row)

        def failed(error: Exception) -> None:
            if not again and self._may_repeat(error):
                self.prepare(work, kit, step, again=True)
            else:
                self._refuse(work, error)

        given = (work.init_image is None, len(work.controls))
        kind = (kit.model.key, work.width, work.height, *given)
        short = self._costs.are_short(kind, step)
        pieces = in_one(make) if short else in_slices(make, self._errands.allowance, kit.pausable)
        errand = Errand([work], pieces, ended, failed, before=self._use_all)
        self._errands.add(errand)

    def follow(self, row: Row, after: After, *, again: bool = False) -> None:
        """Make the work's next row from one that has taken its last step."""

        def make(pause: Pause) -> Row:
            between, done = after(row), row.step
            while True:
                try:
                    count = next(between)
                except StopIteration as end:
                    following: Row = end.value
                    return following
                if count:
                    done += count
                    self._telling.count(row, done)
                if row.passed is not None:
                    self._show(row, row.passed)
                    row.passed = None
                pause()

        def failed(error: Exception) -> None:
            if not again and self._may_repeat(error):
                self.follow(row, after, again=True)
            else:
                self._refuse(row.work, error)

        pieces = in_slices(make, self._errands.allowance, row.kit.pausable)
        self._errands.add(Errand([row.work], pieces, self._enter, failed, before=self._use_all))

    def _use_all(self) -> None:
        self._threads.use(self._threads.most)

    def _may_repeat(self, error: Exception) -> bool:
        """Memory ran out, and there is more of it now."""
        error.__traceback__ = None
        if not out_of_memory(error):
            return False
        self._relieve()
        return True

"""Works that their model's own pipeline draws, as turns see them: one step is one turn, and the pipeline
waits in its companion thread while others have theirs.
"""

import math
import time
from collections.abc import Callable, Generator, Hashable
from typing import Any

from backends.contract import Work
from backends.diffusers_local import stock
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loop.slices import Allowance, Pause, in_slices
from backends.diffusers_local.stock import Drawing
from backends.diffusers_local.stock_steps import Foresee


class Exclusive:
    """One such work between its kit and its pixels; a Turnable that shares no forward.

    `tell(self, foresee)` is called in the pipeline's thread after each step.
    """

    def __init__(self, work: Work, kit: Kit, tell: Callable[["Exclusive", Foresee], None]) -> None:
        self.work = work
        self.kit = kit
        self.key: Hashable = (kit.model.key, "whole", work.width, work.height)
        self.alone = True
        self.user = work.user
        self.steps = stock.steps_of(work)
        self.step = 0
        self.begun = 0.0
        self.shown = 0.0
        self.drawing: Drawing | None = None
        """What came out, once `finished`."""
        self.repeated = False
        """It has been begun anew."""
        self._tell = tell
        self._allowance = Allowance()
        self._pieces = self._in_pieces()
        self._lasted = math.inf

    @property
    def model(self) -> Any:
        """The model that draws it."""
        return self.kit.model

    @property
    def rest(self) -> int:
        """Steps still to come; what is before and after them counts as one."""
        return self.steps - self.step + 1

    @property
    def finished(self) -> bool:
        """It is drawn."""
        return self.drawing is not None

    def begin(self) -> None:
        """The first piece begins now."""
        self.begun = self.begun or time.perf_counter()

    def go_on(self) -> None:
        """To the end of the next step, or a step's time further in decoding. Raises what drawing raises."""
        begun, before = time.perf_counter(), self.step
        self._allowance.until = begun + self._lasted
        try:
            next(self._pieces)
        except StopIteration as end:
            self.drawing = end.value
        if self.step > before:
            self._lasted = time.perf_counter() - begun

    def repeat(self) -> None:
        """Begin anew, after an error."""
        self.repeated, self.step = True, 0
        self._allowance = Allowance()
        self._pieces = self._in_pieces()

    def close(self) -> None:
        """Nobody wants it any more."""
        self._pieces.close()

    def _in_pieces(self) -> Generator[None, None, Drawing]:
        """A pipeline waits after each step, and inside its autoencoder, which may take longer than one."""
        return in_slices(self._draw, self._allowance, [self.kit.vae])

    def _draw(self, pause: Pause) -> Drawing:
        def told(step: int, _steps: int, foresee: Foresee) -> None:
            self.step = step
            self._tell(self, foresee)
            self._allowance.until = 0.0
            pause()

        return stock.draw(self.work, self.kit, told)

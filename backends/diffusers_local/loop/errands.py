"""What is done for works between their walks: preparing, decoding, enlarging. In pieces, between the steps of
others.

One errand at a time, to its end: two of them are never inside one model. Runs on the engine's thread.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Any

from backends.contract import Work
from backends.diffusers_local.loop.slices import Allowance


@dataclass(slots=True, eq=False)
class Errand:
    """Something to do for `works`, piece by piece; its generator's value goes to `ended`, an error of it to
    `failed`.

    `before` is called before every piece. A work that is cancelled is taken out of `works`; with the last one
    the generator is closed, and neither function is called.
    """

    works: list[Work]
    pieces: Generator[None, None, Any]
    ended: Callable[[Any], None]
    failed: Callable[[Exception], None]
    before: Callable[[], None] = lambda: None
    seconds: float = field(default=0.0)


class Errands:
    """A line of errands. `allowance` is what the generators ask whether a piece has lasted long enough."""

    def __init__(self) -> None:
        self.allowance = Allowance()
        self._line: deque[Errand] = deque()

    def __bool__(self) -> bool:
        return bool(self._line)

    @property
    def works(self) -> Iterable[Work]:
        """Whose errands wait or are under way."""
        return [work for errand in self._line for work in errand.works]

    def add(self, errand: Errand) -> None:
        """Put it in line."""
        self._line.append(errand)

    def cancel(self, ids: frozenset[str]) -> list[str]:
        """Take works out; gives the ids of those that were here."""
        gone = []
        for errand in list(self._line):
            gone += [work.id for work in errand.works if work.id in ids]
            errand.works = [work for work in errand.works if work.id not in ids]
            if not errand.works:
                self._line.remove(errand)
                errand.pieces.close()
        return gone

    def close(self) -> None:
        """End everything."""
        while self._line:
            self._line.popleft().pieces.close()

    def go_on(self, seconds: float) -> None:
        """Work for about so long (at least one piece, at most to the end of the line)."""
        until = time.perf_counter() + seconds
        self.allowance.until = until
        while self._line:
            self._advance(self._line[0])
            if time.perf_counter() >= until:
                return

    def _advance(self, errand: Errand) -> None:
        begun = time.perf_counter()
        try:
            errand.before()
            next(errand.pieces)
        except StopIteration as end:
            self._line.remove(errand)
            errand.seconds += time.perf_counter() - begun
            errand.ended(end.value)
        except Exception as error:
            self._line.remove(errand)
            errand.failed(error)
        else:
            errand.seconds += time.perf_counter() - begun

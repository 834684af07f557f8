"""How many threads a forward runs with: measured, because more are slower as soon as the machine has other
work.

On a machine with a busy neighbour two threads waiting for each other took forty times as long as one (a
small denoiser, two cores); on an idle one they are half as fast again. Nobody can set that right
beforehand. Pure.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field

_SAMPLES = 2  # of each before they are compared
_WORTH = 1.1  # more threads must be this much faster
_HOPELESS = 2.0  # one sample this much slower is enough
_FIRST_RETRY = 100  # forwards until the other choice is tried again
_LAST_RETRY = 6400
_KINDS = 512  # kinds of forwards kept in mind; the ones not seen for longest are forgotten


@dataclass(slots=True)
class ThreadChoice:
    """Chooses between one thread and `most` for forwards of one kind."""

    most: int
    _one: deque[float] = field(default_factory=lambda: deque(maxlen=4))
    _all: deque[float] = field(default_factory=lambda: deque(maxlen=4))
    _since: int = 0
    _retry: int = _FIRST_RETRY

    def threads(self) -> int:
        """Threads for the next forward."""
        if self.most == 1 or len(self._one) < _SAMPLES:
            return 1
        if self._all and min(self._all) > _HOPELESS * min(self._one):
            return 1
        if len(self._all) < _SAMPLES:
            return self.most
        return self.most if min(self._all) * _WORTH <= min(self._one) else 1

    def record(self, threads: int, seconds: float) -> None:
        """A forward with so many threads took so long."""
        (self._one if threads == 1 else self._all).append(seconds)
        self._since += 1
        if self._since < self._retry or self.most == 1:
            return
        self._since = 0
        slower = self._all if self.threads() == 1 else self._one
        lost_clearly = bool(self._all and self._one) and min(slower) > 1.5 * min(self._all[-1], self._one[-1])
        self._retry = min(_LAST_RETRY, 2 * self._retry) if lost_clearly else _FIRST_RETRY
        slower.clear()


class Paces:
    """The thread choices of everything that is run, by whatever tells one kind from another."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._choices: OrderedDict[Hashable, ThreadChoice] = OrderedDict()

    def __getitem__(self, kind: Hashable) -> ThreadChoice:
        choice = self._choices.get(kind)
        if choice is None:
            choice = self._choices[kind] = ThreadChoice(self._most)
            if len(self._choices) > _KINDS:
                self._choices.popitem(last=False)
        self._choices.move_to_end(kind)
        return choice


class Costs:
    """What things of a kind have taken lately, in seconds."""

    def __init__(self) -> None:
        self._lately: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def note(self, kind: Hashable, seconds: float) -> None:
        """One took so long."""
        self._lately.setdefault(kind, deque(maxlen=4)).append(seconds)
        self._lately.move_to_end(kind)
        if len(self._lately) > _KINDS:
            self._lately.popitem(last=False)

    def of(self, kind: Hashable) -> float | None:
        """The most that one of the last has taken; None when there was none."""
        lately = self._lately.get(kind)
        return max(lately) if lately else None

    def are_short(self, kind: Hashable, than: float) -> bool:
        """They are known to take no longer than that."""
        most = self.of(kind)
        return most is not None and most <= than

"""Which requests share the next forward: groups, order and the measured size of a batch. Pure.

A batch only pays while a forward is bound by its launch and not by its arithmetic; where it does not pay it
makes everybody wait for everybody. So its size is learned per group from real steps, never configured.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

LARGEST = 8
"""Most requests in one forward."""

_ENOUGH = 4  # measurements before a size is judged; the first of a size also pays for its preparation
_WORTH = 1.1  # a doubled batch must do this much more work a second
_FIRST_RETRY = 64  # forwards until a size that did not pay is tried again: the machine's other load changes
_LAST_RETRY = 4096


@dataclass(slots=True)
class BatchSize:
    """Learns how many requests one forward should carry, from the time of real forwards.

    Starts with one; while more wait, tries twice as many, and stays there if that gives a tenth more rows a
    second.
    """

    limit: int = 1
    largest: int = LARGEST
    _count: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    _best: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    _rest: int = 0  # forwards still to come before a larger size is tried
    _retry: int = _FIRST_RETRY

    def wanted(self, available: int) -> int:
        """How many of `available` requests to take."""
        if available <= self.limit or self._rest or self._count[self.limit] < _ENOUGH:
            return min(available, self.limit)
        return min(available, 2 * self.limit, self.largest)

    def record(self, requests: int, rows: int, seconds: float) -> None:
        """A forward with `rows` rows (two for a request with guidance) of `requests` requests took so
        long.
        """
        size = 1 << (requests - 1).bit_length()
        self._count[size] += 1
        self._best[size] = max(self._best[size], rows / max(seconds, 1e-9))
        self._rest = max(0, self._rest - 1)
        larger = 2 * self.limit
        if larger > self.largest or self._rest or min(self._count[self.limit], self._count[larger]) < _ENOUGH:
            return
        if self._best[larger] >= _WORTH * self._best[self.limit]:
            self.limit, self._retry = larger, _FIRST_RETRY
        else:
            self._rest, self._retry = self._retry, min(_LAST_RETRY, 2 * self._retry)
            self._count.clear()
            self._best.clear()

    def shrink(self, requests: int) -> None:
        """Memory ran out with so many: never again more than half of them."""
        self.largest = max(1, requests // 2)
        self.limit = min(self.limit, self.largest)


class Batchable(Protocol):
    """What choosing needs to know of a request."""

    @property
    def key(self) -> Hashable:
        """Requests of one key can share a forward."""

    @property
    def alone(self) -> bool:
        """It must not share one."""


Request = TypeVar("Request", bound=Batchable)


class Batches:
    """Picks the requests of the next forward: the group that has had the least time, its oldest requests
    first.
    """

    def __init__(self) -> None:
        self._spent: dict[Hashable, float] = {}
        self._sizes: defaultdict[Hashable, BatchSize] = defaultdict(BatchSize)

    def choose(self, requests: Sequence[Request]) -> list[Request]:
        """Some of `requests` (given oldest first) that share a key; empty only when none are given."""
        groups: dict[Hashable, list[Request]] = {}
        for request in requests:
            groups.setdefault(request.key, []).append(request)
        if not groups:
            self._spent.clear()
            return []
        floor = min((self._spent[key] for key in groups if key in self._spent), default=0.0)
        self._spent = {key: self._spent.get(key, floor) for key in groups}
        key = min(groups, key=lambda k: self._spent[k])
        first, *others = groups[key]
        if first.alone:
            return [first]
        sharing = [first, *(request for request in others if not request.alone)]
        return sharing[: self._sizes[key].wanted(len(sharing))]

    def took(self, key: Hashable, requests: int, rows: int, seconds: float) -> None:
        """The chosen forward is done."""
        if key in self._spent:
            self._spent[key] += seconds
        self._sizes[key].record(requests, rows, seconds)

    def ran_out(self, key: Hashable, requests: int) -> None:
        """The chosen forward did not fit into memory."""
        self._sizes[key].shrink(requests)

    def forget(self, keys: Sequence[Hashable]) -> None:
        """Drop what was learned about these groups (their model is gone)."""
        for key in keys:
            self._sizes.pop(key, None)

"""How many requests one forward should carry, learned per group from real forwards. Pure.

A batch only pays while a forward is bound by its launch and not by its arithmetic; where it does not pay it
makes everybody wait for everybody. So its size is measured, never configured, bounded by the memory one more
request takes, and remembered over restarts only as a place to start from.
"""

import hashlib
from collections import OrderedDict, defaultdict, deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from msgspec import Struct

LARGEST = 16
"""Most requests in one forward."""

_ENOUGH = 4  # measurements before a size is judged; the first of a size also pays for its preparation
_WORTH = 1.1  # the first doubling must do this much more work a second: it makes both as late as the last
_WORTH_MORE = 1.05  # and each after it this much: those who would wait see something sooner
_FIRST_RETRY = 64  # forwards until a size that did not pay is tried again: the machine's other load changes
_LAST_RETRY = 4096
_DOUBT = 2048  # forwards until a size that paid is compared with its half again
_SPARE = 0.9  # part of the free memory that may be counted on
_GROUPS = 256  # groups kept in mind; the ones not seen for longest are forgotten


class Learned(Struct, frozen=True):
    """What outlives a restart about one group: the best number of requests in a forward, the seconds of a
    forward with one request (0: unknown), the bytes a request adds to a forward's peak (0: unknown).
    """

    limit: int = 1
    seconds: float = 0.0
    bytes_each: int = 0


@dataclass(slots=True)
class BatchSize:
    """Learns how many requests one forward should carry, from the time of real forwards.

    Starts with one; while more wait, tries twice as many, and stays there if that gives clearly more rows a
    second than the last few forwards before (older ones may have seen another load of the machine). A
    `doubted` limit (a remembered one, or one long not looked at) is compared with its half in the same way.
    """

    limit: int = 1
    largest: int = LARGEST
    bytes_each: int = 0
    doubted: bool = False
    _weighed: int = 0  # requests of the forward that `bytes_each` was measured with
    _rates: defaultdict[int, deque[float]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=_ENOUGH))
    )  # rows a second of the last forwards, by size
    _rest: int = 0  # forwards still to come before a larger size is tried
    _retry: int = _FIRST_RETRY
    _sure: int = 0  # forwards since the limit was last compared with its half

    def wanted(self, available: int, free: int | None = None) -> int:
        """How many of `available` requests to take, with so many `free` bytes (None: nobody can tell)."""
        most = max(1, min(available, self.largest, self._room(free)))
        rival = self._rival
        if most < self.limit or not rival or most == self.limit < rival:
            return min(most, self.limit)
        if len(self._rates[self.limit]) <= len(self._rates[rival]) < _ENOUGH:
            return self.limit
        return min(most, rival) if len(self._rates[rival]) < _ENOUGH else self.limit

    def record(self, requests: int, rows: int, seconds: float) -> None:
        """A forward with `rows` rows (two for a request with guidance) of `requests` requests took so
        long.
        """
        self._rates[bucket(requests, self.limit)].append(rows / max(seconds, 1e-9))
        self._rest = max(0, self._rest - 1)
        self._sure += 1
        if self._sure >= _DOUBT and self.limit > 1 and not self.doubted:
            self.doubted = True
            self._rates.clear()
        rival = self._rival
        if rival and min(len(self._rates[self.limit]), len(self._rates[rival])) >= _ENOUGH:
            self._judge(rival)

    @property
    def _rival(self) -> int:
        """The size that the limit is being compared with, 0 when with none."""
        if self.doubted:
            return self.limit // 2
        return 0 if self._rest or self.limit >= self.largest else 2 * self.limit

    def _judge(self, rival: int) -> None:
        small, large = sorted((self.limit, rival))
        pays = max(self._rates[large]) >= _worth(large) * max(self._rates[small])
        if rival > self.limit and not pays:
            self._rest, self._retry = self._retry, min(_LAST_RETRY, 2 * self._retry)
        elif pays:
            self._retry = _FIRST_RETRY
        self.doubted = self.doubted and not pays and small > 1
        self.limit, self._sure = (large if pays else small), 0
        self._rates.clear()

    def weigh(self, requests: int, peak: int) -> None:
        """A forward with so many requests needed so many bytes beyond what was held before it. The largest
        tells best: a first forward also pays for what is needed only once.
        """
        if requests >= self._weighed:
            self.bytes_each, self._weighed = peak // max(1, requests), requests

    def shrink(self, requests: int) -> None:
        """Memory ran out with so many: never again more than half of them."""
        self.largest = max(1, requests // 2)
        self.limit = min(self.limit, self.largest)

    def _room(self, free: int | None) -> int:
        if free is None or not self.bytes_each:
            return self.largest
        return int(free * _SPARE) // self.bytes_each


def _worth(size: int) -> float:
    return _WORTH if size <= 2 else _WORTH_MORE


def bucket(requests: int, limit: int = 0) -> int:
    """The size under which a forward of so many is counted: the limit itself, else the next power of two."""
    return requests if requests == limit else 1 << (requests - 1).bit_length()


class Group:
    """What is known of the requests of one key: their batch size and what forwards of them cost; `name` is
    what it is remembered by.
    """

    def __init__(self, name: str = "", known: Learned | None = None) -> None:
        self.name = name
        known = known or Learned()
        limit = min(LARGEST, max(1, known.limit))
        self.size = BatchSize(limit, bytes_each=max(0, known.bytes_each), doubted=limit > 1)
        self._remembered = max(0.0, known.seconds)
        self._lately: defaultdict[int, deque[float]] = defaultdict(lambda: deque(maxlen=4))

    def took(self, requests: int, rows: int, seconds: float) -> None:
        """A forward is done."""
        self.size.record(requests, rows, seconds)
        self._lately[bucket(requests)].append(seconds)

    def measured(self, requests: int) -> bool:
        """Whether a forward of this size has been seen since the start."""
        return bool(self._lately.get(bucket(requests)))

    @property
    def seconds(self) -> float | None:
        """What a forward with one request takes, as far as that is known."""
        if self._lately.get(1):
            return min(self._lately[1])
        if self._remembered:
            return self._remembered
        # more requests take at least as long together as one does
        return min((min(times) for times in self._lately.values() if times), default=None)

    @property
    def learned(self) -> Learned:
        """What is worth remembering."""
        return Learned(self.size.limit, round(self.seconds or 0.0, 6), self.size.bytes_each)


class Sizes:
    """The groups seen lately; `device` and `remembered` (by `name_of`) are what a new one starts from."""

    def __init__(self, device: str = "", remembered: Mapping[str, Learned] | None = None) -> None:
        self._device = device
        self._remembered = dict(remembered or {})
        self._groups: OrderedDict[Hashable, Group] = OrderedDict()

    def __getitem__(self, key: Hashable) -> Group:
        group = self._groups.get(key)
        if group is None:
            name = name_of(self._device, key)
            group = self._groups[key] = Group(name, self._remembered.get(name))
            while len(self._groups) > _GROUPS:
                _, gone = self._groups.popitem(last=False)
                self._remembered[gone.name] = gone.learned
        self._groups.move_to_end(key)
        return group

    def learned(self) -> dict[str, Learned]:
        """Everything worth remembering, the groups seen last at the end."""
        found = dict(self._remembered)
        for group in self._groups.values():
            if group.seconds is not None:
                found.pop(group.name, None)
                found[group.name] = group.learned
        return found


def name_of(device: str, key: Hashable) -> str:
    """A short name for a group on a device that is the same after a restart."""
    return hashlib.sha256(f"{device}\n{key!r}".encode()).hexdigest()[:24]

"""Who shares the next forward: fair between users, between groups of requests, and between short and long.
Pure.

Where a batch pays, a group's requests are drawn together; groups take turns by the time each has had. Where
it does not, requests run to their end one after the other: interleaving equals would make everybody as late
as the last. Only a clearly shorter request of another user may pause a long one, at a step boundary.
"""

from collections.abc import Hashable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from backends.diffusers_local.loop.batching import Sizes

SHORT = 0.25
"""A waiting request pauses the running one when it takes less than this part of the running one's rest."""

_PATIENCE = 0.5  # of its own rest is the longest a request is kept paused altogether
_USERS = 1024  # users whose turn is kept in mind


class Turnable(Protocol):
    """What the choice needs to know of a request."""

    @property
    def key(self) -> Hashable:
        """Requests of one key can share a forward."""

    @property
    def alone(self) -> bool:
        """It must not share one."""

    @property
    def user(self) -> str:
        """Whose it is."""

    @property
    def rest(self) -> int:
        """Forwards still to come."""

    @property
    def begun(self) -> float:
        """0 before its first forward."""


Request = TypeVar("Request", bound=Turnable)

_SINGLES: Final = ("one after the other",)  # the lane of everything that is drawn alone


class Lane(Generic[Request]):
    """Requests that take their turn as one: those of a group for its next forward, or all that run alone."""

    def __init__(self, name: Hashable, requests: list[Request]) -> None:
        self.name = name
        self.requests = requests

    @property
    def weight(self) -> int:
        """A lane of more users gets more of the time."""
        return len({request.user for request in self.requests})


class Turns(Generic[Request]):
    """Picks the requests of the next forward. No request given again and again is passed over for ever."""

    def __init__(self, sizes: Sizes, short: float = SHORT) -> None:
        self.sizes = sizes
        self._short = short
        self._spent: dict[Hashable, float] = {}  # seconds a lane has had, for each of its users
        self._turn: tuple[Hashable, int] | None = None  # name and weight of the lane chosen last
        self._served: dict[str, int] = {}  # when each user's last request began
        self._beginnings = 0
        self._stack: list[Request] = []  # the single at work, on top of those it has paused
        self._paused: dict[int, float] = {}  # seconds each of the stack has been kept waiting, by id

    def choose(self, requests: Sequence[Request], free: int | None = None) -> list[Request]:
        """Some of `requests` (given oldest first) that share a key; empty only when none are given.

        `free` is how many bytes a forward may still take (None: unknown).
        """
        if not requests:
            self.rest()
            return []
        lanes = self._lanes(requests, free)
        floor = min((self._spent[lane.name] for lane in lanes if lane.name in self._spent), default=0.0)
        self._spent = {lane.name: self._spent.get(lane.name, floor) for lane in lanes}
        lane = min(lanes, key=lambda lane: self._spent[lane.name])
        self._turn = (lane.name, lane.weight)
        if lane.name is _SINGLES:
            chosen = [self._single(lane.requests)]
        else:
            group = lane.requests
            chosen = self._places(group, self.sizes[group[0].key].size.wanted(len(group), free))
        self._note_beginnings(chosen)
        return chosen

    def rest(self) -> None:
        """Nobody is left: let go of those who had their turns, which would keep models in memory."""
        self._turn = None
        self._spent.clear()
        self._stack.clear()
        self._paused.clear()

    def took(self, requests: Sequence[Request], rows: int, seconds: float) -> None:
        """The chosen forward is done: `rows` rows of these requests in so many seconds."""
        if self._turn is not None and self._turn[0] in self._spent:
            self._spent[self._turn[0]] += seconds / self._turn[1]
        for request in self._stack:
            if request is not requests[0]:
                self._paused[id(request)] = self._paused.get(id(request), 0.0) + seconds
        self.sizes[requests[0].key].took(len(requests), rows, seconds)

    def ran_out(self, requests: Sequence[Request]) -> None:
        """The chosen forward did not fit into memory."""
        self.sizes[requests[0].key].size.shrink(len(requests))

    # ---- lanes ---------------------------------------------------------------------------------------------

    def _lanes(self, requests: Sequence[Request], free: int | None) -> list[Lane[Request]]:
        groups: dict[Hashable, list[Request]] = {}
        singles: list[Request] = []
        for request in requests:
            if request.alone:
                singles.append(request)
            else:
                groups.setdefault(request.key, []).append(request)
        lanes = []
        for key, group in groups.items():
            if self.sizes[key].size.wanted(len(group), free) > 1:
                lanes.append(Lane(key, group))
            else:
                singles += group
        if singles:
            lanes.append(Lane(_SINGLES, singles))
        return lanes

    def _note_beginnings(self, chosen: Sequence[Request]) -> None:
        for request in chosen:
            if not request.begun:
                self._beginnings += 1
                self._served.pop(request.user, None)
                self._served[request.user] = self._beginnings
        while len(self._served) > _USERS:
            del self._served[next(iter(self._served))]

    # ---- many at once --------------------------------------------------------------------------------------

    def _places(self, group: Sequence[Request], places: int) -> list[Request]:
        """Each user's first request, then each user's second, and so on; what has begun stays before what
        has not, and those users come first whose last request began longest ago.

        So a user with many requests gives places up to a user with none; the batch stays as full.
        """
        if len(group) <= places:
            return list(group)
        ranks: dict[str, int] = {}
        keys = {}
        for request in sorted(group, key=lambda one: not one.begun):
            rank = ranks[request.user] = ranks.get(request.user, -1) + 1
            keys[id(request)] = (rank, not request.begun, self._served.get(request.user, 0))
        chosen = {id(request) for request in sorted(group, key=lambda one: keys[id(one)])[:places]}
        return [request for request in group if id(request) in chosen]

    # ---- one after the other -------------------------------------------------------------------------------

    def _single(self, singles: Sequence[Request]) -> Request:
        there = {id(request) for request in singles}
        self._stack = [request for request in self._stack if id(request) in there]
        kept = {id(request) for request in self._stack}
        self._paused = {number: seconds for number, seconds in self._paused.items() if number in kept}
        if not self._stack:
            self._stack.append(self._next(singles))
        elif (shorter := self._shorter(singles)) is not None:
            self._stack.append(shorter)
        return self._stack[-1]

    def _next(self, singles: Sequence[Request]) -> Request:
        """What has begun before what has not (and of that the one nearest its end); then by user and age."""
        begun = [request for request in singles if request.begun]
        if begun:
            return min(begun, key=lambda request: self._seconds(request) or 0.0)
        return min(singles, key=lambda request: self._served.get(request.user, 0))

    def _shorter(self, singles: Sequence[Request]) -> Request | None:
        """A waiting request of a user with none at work that may go first, the shortest."""
        running = self._seconds(self._stack[-1])
        users = {request.user for request in self._stack}
        if running is None or not self._short:
            return None
        best, least = None, running * self._short
        for request in singles:
            seconds = self._seconds(request)
            if request.user not in users and seconds is not None and seconds < least:
                best, least = request, seconds
        if best is None or not all(self._bears(request, least) for request in self._stack):
            return None
        return best

    def _bears(self, request: Request, seconds: float) -> bool:
        own = self._seconds(request)
        return own is not None and self._paused.get(id(request), 0.0) + seconds <= _PATIENCE * own

    def _seconds(self, request: Request) -> float | None:
        """What its rest takes, drawn alone."""
        each = self.sizes[request.key].seconds
        return None if each is None else each * request.rest

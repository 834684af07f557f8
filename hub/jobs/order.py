"""The line of waiting images, fair between users: least recently served user first, then the oldest image.

Every operation costs O(log n) amortised. Images with the same need (what an engine must have) stand in one
lane; there are few needs, so looking at the head of every lane is cheap, and a lane nobody can serve blocks
no other. Keys in a lane's heap are checked when they come up: a user's turn number and his oldest image only
grow while an entry lies there, so a stale entry is never too late, only too early, and is then put right.
"""

from collections.abc import Hashable
from heapq import heapify, heappop, heappush, heapreplace
from typing import Generic, TypeVar

Age = tuple[int, int]
Key = tuple[int, Age, str]
N = TypeVar("N", bound=Hashable)
_FEW = 64  # dead entries below this are not worth a sweep


class Lane:
    """The waiting images of one need. Private to the line."""

    def __init__(self) -> None:
        self.heap: list[Key] = []
        self.keys: dict[str, Key] = {}  # the one entry of each user in the heap that counts
        self.queues: dict[str, list[tuple[Age, str]]] = {}
        self.dead: dict[str, int] = {}


class Line(Generic[N]):
    """Images by id, each with its need, its user and its age (sequence of the job, index)."""

    def __init__(self) -> None:
        self._lanes: dict[N, Lane] = {}
        self._places: dict[str, tuple[N, str, Age]] = {}
        self._served: dict[str, int] = {}
        self._turn = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, item: str) -> bool:
        return item in self._places

    def add(self, item: str, need: N, user: str, age: Age) -> None:
        """Put an image in line; one that comes back takes its old age and so its old place."""
        self._places[item] = (need, user, age)
        lane = self._lanes.get(need)
        if lane is None:
            lane = self._lanes[need] = Lane()
        heappush(lane.queues.setdefault(user, []), (age, item))
        key = (self._served.get(user, 0), age, user)
        standing = lane.keys.get(user)
        if standing is None or key < standing:
            lane.keys[user] = key
            heappush(lane.heap, key)

    def remove(self, item: str) -> bool:
        """Take an image out, wherever it stands; False when it is not in line."""
        place = self._places.pop(item, None)
        if place is None:
            return False
        need, user, _ = place
        lane = self._lanes[need]
        lane.dead[user] = lane.dead.get(user, 0) + 1
        queue = lane.queues[user]
        if lane.dead[user] > _FEW and lane.dead[user] * 2 > len(queue):
            lane.queues[user] = [entry for entry in queue if self._stands(entry)]
            heapify(lane.queues[user])
            lane.dead[user] = 0
        return True

    def heads(self) -> list[tuple[Key, N]]:
        """The key of the next image of every need, fairest first."""
        heads: list[tuple[Key, N]] = []
        for need in list(self._lanes):
            key = self._head(need)
            if key is None:
                del self._lanes[need]
            else:
                heads.append((key, need))
        heads.sort(key=lambda head: head[0])
        return heads

    def take(self, need: N) -> str:
        """The next image of a need, which leaves the line; its user has been served. KeyError without one."""
        key = self._head(need)
        if key is None:
            raise KeyError(need)
        user = key[2]
        _, item = heappop(self._lanes[need].queues[user])
        del self._places[item]
        self._turn += 1
        self._served[user] = self._turn
        return item

    def waiting(self) -> dict[N, list[str]]:
        """Every image in line by its need, in no particular order."""
        found: dict[N, list[str]] = {}
        for item, (need, _, _) in self._places.items():
            found.setdefault(need, []).append(item)
        return found

    def ahead(self, item: str) -> int | None:
        """How many images come before this one if nothing changes; None when it is not in line. O(n)."""
        place = self._places.get(item)
        if place is None:
            return None
        _, user, age = place
        mine = 0
        others: dict[str, int] = {}
        for _, owner, born in self._places.values():
            if owner != user:
                others[owner] = others.get(owner, 0) + 1
            elif born < age:
                mine += 1
        turn = self._served.get(user, 0)
        sooner = (owner for owner in others if self._served.get(owner, 0) < turn)
        first = set(sooner)
        return mine + sum(min(many, mine + (owner in first)) for owner, many in others.items())

    def _stands(self, entry: tuple[Age, str]) -> bool:
        place = self._places.get(entry[1])
        return place is not None and place[2] == entry[0]

    def _head(self, need: N) -> Key | None:
        lane = self._lanes.get(need)
        if lane is None:
            return None
        while lane.heap:
            entry = lane.heap[0]
            user = entry[2]
            if lane.keys.get(user) != entry:
                heappop(lane.heap)  # the user has a better entry further down, or none at all
                continue
            age = self._oldest(lane, user)
            if age is None:
                heappop(lane.heap)
                del lane.keys[user], lane.queues[user]
                lane.dead.pop(user, None)
                continue
            true = (self._served.get(user, 0), age, user)
            if true == entry:
                return true
            lane.keys[user] = true
            heapreplace(lane.heap, true)
        return None

    def _oldest(self, lane: Lane, user: str) -> Age | None:
        queue = lane.queues[user]
        while queue and not self._stands(queue[0]):
            heappop(queue)
            lane.dead[user] = lane.dead.get(user, 0) - 1
        return queue[0][0] if queue else None

"""The line of waiting images, fair between users: least recently served user first, then his own order.

Every operation costs O(log n) amortised. Images with the same need (what an engine must have) stand in one
lane; there are few needs, so looking at the head of every lane is cheap, and a lane nobody can serve blocks
no other. Keys in a lane's heap are checked when they come up: a user's turn only grows while an entry lies
there, so a stale entry is never too late, only too early, and is then put right.
"""

from collections.abc import Hashable, Iterator
from heapq import heapify, heappop, heappush, heapreplace
from typing import Generic, TypeVar

Age = tuple[int, int, int]
"""Where an image stands among its user's own, least first: minus the job's priority, its place, the index."""

Turn = tuple[int, int]
"""When a user was served last (0: never), then when the user first came."""

Key = tuple[Turn, str]
N = TypeVar("N", bound=Hashable)
_FEW = 64  # dead entries below this are not worth a sweep


class Lane:
    """The waiting images of one need. Private to the line."""

    def __init__(self) -> None:
        self.heap: list[Key] = []
        self.keys: dict[str, Key] = {}  # the one entry of each user in the heap that counts
        self.queues: dict[str, list[tuple[Age, str]]] = {}
        self.dead: dict[str, int] = {}
        self.size = 0  # how many stand in it


class Line(Generic[N]):
    """Images by id, each with its need, its user and its age."""

    def __init__(self) -> None:
        self._lanes: dict[N, Lane] = {}
        self._places: dict[str, tuple[N, str, Age]] = {}
        self._turns: dict[str, Turn] = {}
        self._held: set[str] = set()
        self._turn = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, item: str) -> bool:
        return item in self._places

    def add(self, item: str, need: N, user: str, age: Age) -> None:
        """Put an image in line; one that comes back with its old age takes its old place."""
        self._places[item] = (need, user, age)
        lane = self._lanes.get(need)
        if lane is None:
            lane = self._lanes[need] = Lane()
        if user not in self._turns:
            self._turns[user] = (0, len(self._turns))
        heappush(lane.queues.setdefault(user, []), (age, item))
        lane.size += 1
        self._enter(lane, user)

    def remove(self, item: str) -> bool:
        """Take an image out, wherever it stands; False when it is not in line."""
        place = self._places.pop(item, None)
        if place is None:
            return False
        need, user, _ = place
        lane = self._lanes[need]
        lane.size -= 1
        lane.dead[user] = lane.dead.get(user, 0) + 1
        queue = lane.queues[user]
        if lane.dead[user] > _FEW and lane.dead[user] * 2 > len(queue):
            lane.queues[user] = [entry for entry in queue if self._stands(entry)]
            heapify(lane.queues[user])
            lane.dead[user] = 0
        return True

    def move(self, item: str, age: Age) -> bool:
        """Give an image another age, and so another place among its user's own; False when not in line."""
        place = self._places.get(item)
        if place is None:
            return False
        if place[2] != age:
            self.remove(item)
            self.add(item, place[0], place[1], age)
        return True

    def hold(self, user: str) -> None:
        """Pass a user over from now on: as many images are being drawn as the user may have at once."""
        self._held.add(user)

    def free(self, user: str) -> None:
        """Serve a held user again."""
        if user in self._held:
            self._held.remove(user)
            for lane in self._lanes.values():
                if user in lane.queues:
                    self._enter(lane, user)

    def heads(self) -> list[tuple[Key, N]]:
        """The key of the next image of every need, fairest first; of one user's several by their age."""
        heads: list[tuple[Key, Age, N]] = []
        for need, lane in list(self._lanes.items()):
            key = self._head(lane)
            if key is not None:
                heads.append((key, lane.queues[key[1]][0][0], need))
            elif not lane.queues:
                del self._lanes[need]
        heads.sort(key=lambda head: head[:2])
        return [(key, need) for key, _, need in heads]

    def take(self, need: N) -> str:
        """The next image of a need, which leaves the line; its user has been served. KeyError without one."""
        lane = self._lanes.get(need)
        key = None if lane is None else self._head(lane)
        if lane is None or key is None:
            raise KeyError(need)
        user = key[1]
        _, item = heappop(lane.queues[user])
        del self._places[item]
        lane.size -= 1
        self._turn += 1
        self._turns[user] = (self._turn, 0)
        return item

    def needs(self) -> list[N]:
        """Every need that somebody may be waiting with."""
        return list(self._lanes)

    def many(self, need: N) -> int:
        """How many images stand in line with a need."""
        lane = self._lanes.get(need)
        return 0 if lane is None else lane.size

    def of(self, need: N) -> list[str]:
        """Every image in line with a need, each user's in order."""
        queues = self._lanes[need].queues.values() if need in self._lanes else ()
        found = (entry[1] for queue in queues for entry in sorted(queue) if self._stands(entry))
        return list(dict.fromkeys(found))

    def turn(self, user: str) -> Turn:
        """Whose is less comes first."""
        return self._turns.get(user, (0, len(self._turns)))

    def _enter(self, lane: Lane, user: str) -> None:
        """Make sure that a user with images in a lane is looked at there."""
        if user not in lane.keys and user not in self._held:
            key = lane.keys[user] = (self._turns[user], user)
            heappush(lane.heap, key)

    def _stands(self, entry: tuple[Age, str]) -> bool:
        place = self._places.get(entry[1])
        return place is not None and place[2] == entry[0]

    def _head(self, lane: Lane) -> Key | None:
        for entry in _tops(lane.heap):
            user = entry[1]
            if lane.keys.get(user) != entry:
                heappop(lane.heap)  # the user has a better entry further down, or none at all
            elif not self._any(lane, user):
                heappop(lane.heap)
                del lane.keys[user], lane.queues[user]
                lane.dead.pop(user, None)
            elif user in self._held:
                heappop(lane.heap)
                del lane.keys[user]
            elif entry[0] == self._turns[user]:
                return entry
            else:
                key = lane.keys[user] = (self._turns[user], user)
                heapreplace(lane.heap, key)
        return None

    def _any(self, lane: Lane, user: str) -> bool:
        """Whether a user has an image in a lane; it is the first of the queue then."""
        queue = lane.queues[user]
        while queue and not self._stands(queue[0]):
            heappop(queue)
            lane.dead[user] = lane.dead.get(user, 0) - 1
        return bool(queue)


def _tops(heap: list[Key]) -> Iterator[Key]:
    while heap:
        yield heap[0]

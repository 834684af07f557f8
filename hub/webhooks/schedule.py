"""What is sent next. Pure: the time is passed in.

To one webhook one thing at a time, so that a slow receiver costs the others nothing, and whatever is due
first goes first: what is tried again does not hold back what came after it.
"""

import heapq

FACTOR = 4
LONGEST_SECONDS = 6 * 3600.0


def pause(tries: int, first: float) -> float:
    """Seconds before another try after `tries` that failed: `first`, then four times as long each time."""
    return min(LONGEST_SECONDS, first * float(FACTOR) ** (max(1, tries) - 1))


def is_accepted(status: int) -> bool:
    """Whether a receiver took what was sent."""
    return 200 <= status < 300


def is_final(status: int, tries: int, most: int) -> bool:
    """Whether there is no sense in another try: the receiver is gone for good, or `most` were made."""
    return status == 410 or tries >= most


class Schedule:
    """Deliveries that wait, by webhook. Times in unix milliseconds."""

    def __init__(self) -> None:
        self._lines: dict[str, list[tuple[int, int, str]]] = {}
        self._busy: set[str] = set()
        self._sequence = 0

    def __len__(self) -> int:
        return sum(len(line) for line in self._lines.values())

    def waiting(self, hook: str) -> int:
        """How many wait for a webhook."""
        return len(self._lines.get(hook, ()))

    def add(self, hook: str, due: int, delivery: str) -> None:
        """Put a delivery in line."""
        self._sequence += 1
        heapq.heappush(self._lines.setdefault(hook, []), (due, self._sequence, delivery))

    def drop(self, hook: str) -> None:
        """Forget everything for a webhook."""
        self._lines.pop(hook, None)

    def take(self, now: int) -> tuple[str, str] | None:
        """(webhook, delivery) to send now; the webhook is busy until `free`. None when nothing is due."""
        ready = self._ready()
        if ready is None or self._lines[ready][0][0] > now:
            return None
        _, _, delivery = heapq.heappop(self._lines[ready])
        if not self._lines[ready]:
            del self._lines[ready]
        self._busy.add(ready)
        return ready, delivery

    def free(self, hook: str) -> None:
        """A webhook can be sent the next thing."""
        self._busy.discard(hook)

    def next_due(self) -> int | None:
        """When the next thing is to be sent; None when there is nothing for a webhook that is not busy."""
        ready = self._ready()
        return None if ready is None else self._lines[ready][0][0]

    def _ready(self) -> str | None:
        free = (hook for hook in self._lines if hook not in self._busy)
        return min(free, key=lambda hook: self._lines[hook][0], default=None)

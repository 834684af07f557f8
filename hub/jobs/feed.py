"""All events of a user's jobs in one numbered row, the newest kept: whoever comes back misses nothing.

A user's numbers go up by one. The row of a user for whom long nothing happened is forgotten; it goes on above
every number ever given, so that an old number can never be mistaken for a new one. Pure.
"""

from collections import OrderedDict, deque

from hub.jobs.events import JobEvent, weight

MOST_EVENTS = 4096
MOST_BYTES = 16 << 20
ALL_BYTES = 128 << 20
MOST_USERS = 4096


class Feed:
    """One user's row. Private to the feeds."""

    __slots__ = ("bytes", "events", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.events: deque[JobEvent] = deque()
        self.bytes = 0

    def drop(self) -> int:
        """Forget the oldest event; its weight in bytes."""
        gone = weight(self.events.popleft())
        self.bytes -= gone
        return gone


class Feeds:
    """Every user's row, least recently used first."""

    def __init__(
        self,
        *,
        most_events: int = MOST_EVENTS,
        most_bytes: int = MOST_BYTES,
        all_bytes: int = ALL_BYTES,
        most_users: int = MOST_USERS,
    ) -> None:
        self._feeds: OrderedDict[str, Feed] = OrderedDict()
        self._highest = 0
        self._bytes = 0
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._all_bytes = all_bytes
        self._most_users = most_users

    def record(self, event: JobEvent) -> int:
        """Add a numbered event of a job; its number in its user's row."""
        feed = self._of(event.user)
        feed.number += 1
        self._highest = max(self._highest, feed.number)
        feed.events.append(event)
        size = weight(event)
        feed.bytes += size
        self._bytes += size
        while len(feed.events) > self._most_events or feed.bytes > self._most_bytes:
            self._bytes -= feed.drop()
        while self._bytes > self._all_bytes or len(self._feeds) > self._most_users:
            _, oldest = self._feeds.popitem(last=False)
            self._bytes -= oldest.bytes
        return feed.number

    def number(self, user: str) -> int:
        """The number of the user's last event; the next one has the number after it."""
        return self._of(user).number

    def after(self, user: str, number: int) -> list[tuple[int, JobEvent]] | None:
        """The events after a number with their own; None when some are gone, or it was never given."""
        feed = self._of(user)
        first = feed.number - len(feed.events)
        if not first <= number <= feed.number:
            return None
        missed = feed.number - number
        events = list(feed.events)[len(feed.events) - missed :]
        return list(enumerate(events, start=number + 1))

    def forget(self, user: str) -> None:
        """Let go of a user's row; a new one of that name goes on above it."""
        feed = self._feeds.pop(user, None)
        if feed is not None:
            self._bytes -= feed.bytes

    def _of(self, user: str) -> Feed:
        feed = self._feeds.get(user)
        if feed is None:
            feed = self._feeds[user] = Feed(self._highest)
        else:
            self._feeds.move_to_end(user)
        return feed

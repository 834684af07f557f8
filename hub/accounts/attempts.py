"""How often something may be tried in a minute. Pure: the time is passed in."""

import ipaddress
from collections import deque

WINDOW_MS = 60_000
_MOST_KEYS = 20_000


class Attempts:
    """A sliding window of `most` tries a minute for each key."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._tries: dict[str, deque[int]] = {}

    def take(self, key: str, now: int) -> bool:
        """Note a try at `now` (milliseconds); False, and not noted, when there were too many."""
        tries = self._tries.setdefault(key, deque())
        while tries and now - tries[0] >= WINDOW_MS:
            tries.popleft()
        if len(tries) >= self.most:
            return False
        tries.append(now)
        if len(self._tries) > _MOST_KEYS:
            self._prune(now)
        return True

    def _prune(self, now: int) -> None:
        stale = [key for key, tries in self._tries.items() if not tries or now - tries[-1] >= WINDOW_MS]
        for key in stale:
            del self._tries[key]


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 an IPv6 customer is given whole."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address

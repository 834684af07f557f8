"""How often something may be tried in a minute. Pure: the time is passed in."""

import ipaddress
from collections import OrderedDict, deque

WINDOW_MS = 60_000
MOST_KEYS = 20_000


class Attempts:
    """A sliding window of `most` tries a minute for each key.

    At most `keys` of them are remembered. Past that the one that was quiet longest is forgotten: whoever has
    that many addresses is not stopped by a count of each, and must not fill the memory either.
    """

    def __init__(self, most: int, keys: int = MOST_KEYS) -> None:
        self.most = most
        self._keys = keys
        self._tries: OrderedDict[str, deque[int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tries)

    def take(self, key: str, now: int) -> bool:
        """Note a try at `now` (milliseconds); False, and not noted, when there were too many."""
        tries = self._recent(key, now)
        if len(tries) >= self.most:
            return False
        tries.append(now)
        self._tries[key] = tries
        self._tries.move_to_end(key)
        while len(self._tries) > self._keys:
            self._tries.popitem(last=False)
        return True

    def wait(self, key: str, now: int) -> int:
        """Whole seconds until the next try is taken, 0 when it would be now."""
        tries = self._recent(key, now)
        if len(tries) < self.most:
            return 0
        return max(1, -(-(tries[0] + WINDOW_MS - now) // 1000))

    def _recent(self, key: str, now: int) -> deque[int]:
        tries = self._tries.get(key)
        if tries is None:
            return deque()
        while tries and not 0 <= now - tries[0] < WINDOW_MS:  # in the future: the clock was set back
            tries.popleft()
        if not tries:
            del self._tries[key]
        return tries


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 an IPv6 customer is given whole."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), 64), strict=False))
    return address

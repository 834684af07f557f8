"""Wrong session ids, tokens and the like, counted by where they come from.

Such a secret has at least 128 random bits and is not found by trying; the count ends the trying all the same
(ASVS 5.0 6.3.1), and its noise. From a network past its count only secrets that were issued to that same
network are looked at: neighbours behind one address do not lock each other out, and a guess at anybody
else's is not even answered. Direct callers on this machine are never counted.
"""

from hub.accounts.attempts import Attempts, network_of
from hub.accounts.clock import Clock, now_ms
from hub.errors import HubError

MOST_WRONG = 100
"""Wrong ones a minute from one network."""


class TooManyGuesses(HubError):
    """Where this comes from, too many secrets were wrong; `retry_after` is in seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "Too many unknown session ids, tokens or sign-ins came from your address. "
            f"Wait {seconds} seconds, then sign in again.",
            error_id="ratelimit",
            status=429,
            retry_after=seconds,
        )


class Guesses:
    """The counts. An address is the bare one of the caller, as far as believed proxies tell."""

    def __init__(self, *, most: int = MOST_WRONG, clock: Clock = now_ms) -> None:
        self._clock = clock
        self._wrong = Attempts(most)

    def missed(self, address: str, is_loopback: bool) -> None:
        """A wrong one came from there. Raises TooManyGuesses when there were too many."""
        if is_loopback:
            return
        network, now = network_of(address), self._clock()
        if not self._wrong.take(network, now):
            raise TooManyGuesses(self._wrong.wait(network, now))

    def found(self, address: str, is_loopback: bool, issued_to: str) -> None:
        """A right one came from there that was issued to another or the same address. Raises
        TooManyGuesses as for a wrong one, so that a guess learns nothing."""
        if is_loopback or not len(self._wrong):
            return
        network, now = network_of(address), self._clock()
        if (seconds := self._wrong.wait(network, now)) and network_of(bare(issued_to)) != network:
            raise TooManyGuesses(seconds)


def bare(address: str) -> str:
    """The address of a client's text, without those somebody only claims (` (via x)`)."""
    return address.partition(" ")[0]

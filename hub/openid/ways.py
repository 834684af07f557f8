"""People on their way to an issuer and back, and those who came back and have no account yet. Pure: the time
is passed in.

Each way has a state that is good once and for ten minutes, and belongs to the browser that set out: its
cookie's hash is kept with it. A stolen link therefore signs nobody in.
"""

import hmac
import re
import secrets
from collections import OrderedDict
from hashlib import sha256
from typing import Generic, TypeVar

from msgspec import Struct

from hub.errors import HubError

LASTS_MS = 600_000
MOST = 10_000
_PLAIN = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*")
_LONGEST_RETURN = 500


class NotSignedIn(HubError):
    """Why nobody was signed in, as a sentence for the person."""

    def __init__(self, text: str, *, status: int = 400) -> None:
        super().__init__(text, error_id="not_signed_in", status=status)


class Way(Struct, frozen=True):
    """To an issuer: what must come back, and where the person wants to be then. `browser` is the hash of
    the cookie's value, `redirect` the address that the issuer was given."""

    provider: str
    nonce: str
    verifier: str
    browser: str
    back: str
    redirect: str


class StillUnknown(Struct, frozen=True):
    """Somebody whom an issuer knows and who may register here."""

    provider: str
    issuer: str
    subject: str
    email: str
    browser: str


class SignedIn(Struct, frozen=True):
    """Who came back: the account, the text of its new token, and where the person wanted to be."""

    user: str
    token: str
    back: str


Kept = TypeVar("Kept")


class Waiting(Generic[Kept]):
    """Things kept for ten minutes under a word that cannot be guessed; the oldest go when there are many."""

    def __init__(self, lasts: int = LASTS_MS, most: int = MOST) -> None:
        self._kept: OrderedDict[str, tuple[int, Kept]] = OrderedDict()
        self._lasts = lasts
        self._most = most

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, what: Kept, now: int, word: str = "") -> str:
        """Keep something; the word for it."""
        word = word or new_word()
        self._kept[word] = (now, what)
        while self._kept and (len(self._kept) > self._most or self._is_over(next(iter(self._kept)), now)):
            self._kept.popitem(last=False)
        return word

    def look(self, word: str, now: int) -> Kept | None:
        """What is kept under a word, None for nothing any more."""
        return None if word not in self._kept or self._is_over(word, now) else self._kept[word][1]

    def take(self, word: str, now: int) -> Kept | None:
        """The same, and nothing the next time."""
        found = self.look(word, now)
        self._kept.pop(word, None)
        return found

    def _is_over(self, word: str, now: int) -> bool:
        return not 0 <= now - self._kept[word][0] < self._lasts


def new_word() -> str:
    """256 random bits as 64 hex digits."""
    return secrets.token_hex(32)


def hash_of(cookie: str) -> str:
    """What is kept of a browser's cookie."""
    return sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()


def is_of_browser(browser: str, cookie: str) -> bool:
    """Whether a cookie is the one that was hashed."""
    return bool(cookie) and hmac.compare_digest(browser, hash_of(cookie))


def safe_return(wanted: str) -> str:
    """Where a person may be sent after signing in: a place below ours, "/" for anything else."""
    fine = len(wanted) <= _LONGEST_RETURN and _PLAIN.fullmatch(wanted) is not None
    return wanted if fine else "/"

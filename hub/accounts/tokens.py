"""Sign-in and personal tokens: `<hex of the user name>.<id>.<secret>`; only the secret's SHA-256 is kept.

A secret of 128 random bits needs no slow hash. A cookie carries the same text as `Authorization: Bearer`. A
token may have only some of its user's flags, and an end; whoever holds sockets of it is told of that.
"""

import asyncio
import hmac
import logging
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import sha256

import msgspec

from hub.accounts.clock import Clock, now_ms
from hub.accounts.sessions import TEXT_LIMIT, Sessions
from hub.store import Store, TokenRow
from permissions import narrowed

COOKIE = "swarm_token"
COOKIE_SECONDS = 365 * 86_400
SIGN_IN = "sign-in"
"""The reason of tokens that signing in made: they end with their browser's session."""

LONGEST_TOKEN = 1000
LOOK_AGAIN_S = 60.0
"""Seconds after which the clock is looked at again: it may have been set meanwhile."""

_KEPT_MS = 30 * 86_400_000  # expired tokens are named in the list for so long
_log = logging.getLogger(__name__)


class Tokens:
    """Create, check, list, revoke. Every token is in memory; there are few."""

    def __init__(self, store: Store, sessions: Sessions, *, clock: Clock = now_ms) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock
        self._rows = {row.id: row for row in store.tokens.all()}
        self._used: dict[str, int] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._sooner = asyncio.Event()
        self._over = {row.id for row in self._rows.values() if self.is_over(row)}  # whose end was told

    async def create(
        self,
        user: str,
        reason: str,
        *,
        address: str = "",
        user_agent: str = "",
        flags: Iterable[str] | None = None,
        expires: int = 0,
    ) -> str:
        """A new token for `user`; its text is given here and never again. It has only `flags` of the user's
        (None: all), until `expires` (unix milliseconds, 0 for never)."""
        token_id, secret = secrets.token_hex(16), secrets.token_hex(16)
        now = self._clock()
        row = TokenRow(
            token_id,
            user,
            _digest(secret),
            reason,
            now,
            now,
            address[:TEXT_LIMIT],
            user_agent[:TEXT_LIMIT],
            None if flags is None else tuple(sorted(set(flags))),
            expires,
        )
        await self._store.tokens.add(row)
        self._rows[token_id] = row
        self._sooner.set()
        if reason != SIGN_IN:
            rights = "all permissions" if row.flags is None else ", ".join(row.flags)
            _log.info("the token %s of user %s was made with %s", token_id, user, rights)
        return f"{user.encode().hex()}.{token_id}.{secret}"

    async def sign_in(self, user: str, *, address: str = "", user_agent: str = "") -> str:
        """A new token for a browser that has just proved who its user is; it ends with its cookie."""
        until = self._clock() + COOKIE_SECONDS * 1000
        return await self.create(user, SIGN_IN, address=address, user_agent=user_agent, expires=until)

    def check(self, text: str) -> TokenRow | None:
        """The token that `text` is, or None, for an expired one too; notes the use."""
        row = self._find(text)
        if row is None or self.is_over(row):
            return None
        self._used[row.id] = self._clock()
        return row

    def expired(self, text: str) -> int | None:
        """When the token that `text` is has expired (unix seconds); None for any other text."""
        row = self._find(text)
        return row.expires // 1000 if row is not None and self.is_over(row) else None

    def now(self) -> int:
        """The time as tokens see it, unix milliseconds."""
        return self._clock()

    def get(self, token_id: str) -> TokenRow | None:
        """The token of that id, or None."""
        return self._rows.get(token_id)

    def is_over(self, row: TokenRow) -> bool:
        """Whether a token's time has run out."""
        return 0 < row.expires <= self._clock()

    def ends(self, token_id: str) -> int:
        """When a token ends, unix milliseconds; 0 for never and for none."""
        row = self._rows.get(token_id)
        return 0 if row is None else row.expires

    def is_partial(self, token_id: str) -> bool:
        """Whether a token has not all that its user has."""
        row = self._rows.get(token_id)
        return row is not None and row.flags is not None

    def narrow(self, token_id: str, flags: frozenset[str]) -> frozenset[str]:
        """What a caller with this token holds of its user's flags: nothing with one that is no more."""
        if not token_id:
            return flags
        row = self._rows.get(token_id)
        return frozenset() if row is None or self.is_over(row) else narrowed(flags, row.flags)

    def of_user(self, user: str) -> list[TokenRow]:
        """The tokens of a user, newest first, with the latest use."""
        found = [row for row in self._rows.values() if row.user == user]
        found.sort(key=lambda row: row.created, reverse=True)
        return found

    def last_active(self, row: TokenRow) -> int:
        """When a token was last used, unix milliseconds."""
        return self._used.get(row.id, row.last_active)

    def on_end(self, listener: Callable[[str], None]) -> None:
        """Have `listener` called with the id of every token that ends. It must not wait."""
        self._listeners.append(listener)

    async def revoke(self, user: str, token_id: str) -> bool:
        """End a token of `user` with every session it made; False when the user has no such token."""
        row = self._rows.get(token_id)
        if row is None or row.user != user:
            return False
        del self._rows[token_id]
        self._used.pop(token_id, None)
        self._over.discard(token_id)
        self._tell(token_id)
        await asyncio.gather(self._sessions.end_for_token(token_id), self._store.tokens.delete(token_id))
        _log.info("the token %s of user %s was revoked", token_id, user)
        return True

    async def revoke_all(self, user: str, *, but: str = "") -> None:
        """End every token of `user` except the one with the id `but`."""
        await asyncio.gather(*(self.revoke(user, row.id) for row in self.of_user(user) if row.id != but))

    async def expire(self) -> int:
        """End the sessions of tokens whose time has run out, and forget those that expired long ago; how many
        tokens ended now."""
        now = self._clock()
        due = [row for row in self._rows.values() if self.is_over(row)]
        new = [row for row in due if row.id not in self._over]
        for row in new:
            self._over.add(row.id)
            self._tell(row.id)
            await self._sessions.end_for_token(row.id)
            _log.info("the token %s of user %s expired", row.id, row.user)
        for row in due:
            if now - row.expires > _KEPT_MS:
                await self.revoke(row.user, row.id)
        return len(new)

    async def watch(self) -> None:
        """Let every token end at its time, for as long as this runs."""
        while True:
            self._sooner.clear()
            try:
                await self.expire()
            except Exception:
                _log.exception("ending expired tokens failed; it is tried again")
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_left()):
                    await self._sooner.wait()

    async def flush(self) -> None:
        """Write the last uses down."""
        used, self._used = self._used, {}
        if not used:
            return
        for token_id, when in used.items():
            row = self._rows.get(token_id)
            if row is not None:
                self._rows[token_id] = msgspec.structs.replace(row, last_active=when)
        await self._store.tokens.touch(used)

    def _seconds_left(self) -> float:
        """Until the next token ends, or until it is time to look again."""
        now = self._clock()
        left = [row.expires - now for row in self._rows.values() if row.expires and row.id not in self._over]
        return min(LOOK_AGAIN_S, max(0.0, min(left, default=60_000) / 1000))

    def _find(self, text: str) -> TokenRow | None:
        parts = text.split(".") if len(text) <= LONGEST_TOKEN else []
        if len(parts) != 3:
            return None
        row = self._rows.get(parts[1])
        if row is None or not hmac.compare_digest(row.digest, _digest(parts[2])):
            return None
        return row if row.user.encode().hex() == parts[0].lower() else None

    def _tell(self, token_id: str) -> None:
        for listener in self._listeners:
            try:
                listener(token_id)
            except Exception:
                _log.exception("a listener for ended tokens failed")


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()

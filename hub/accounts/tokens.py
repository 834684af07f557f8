"""Sign-in and personal tokens: `<hex of the user name>.<id>.<secret>`; only the secret's SHA-256 is kept.

A secret of 128 random bits needs no slow hash. A cookie carries the same text as `Authorization: Bearer`.
"""

import hmac
import secrets
from hashlib import sha256

from hub.accounts.clock import Clock, now_ms
from hub.accounts.sessions import TEXT_LIMIT, Sessions
from hub.store import Store, TokenRow

COOKIE = "swarm_token"
COOKIE_SECONDS = 365 * 86_400
LONGEST_REASON = 500
LONGEST_TOKEN = 1000


class Tokens:
    """Create, check, list, revoke. Every token is in memory; there are few."""

    def __init__(self, store: Store, sessions: Sessions, *, clock: Clock = now_ms) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock
        self._rows = {row.id: row for row in store.tokens.all()}
        self._used: dict[str, int] = {}

    async def create(self, user: str, reason: str, *, address: str = "", user_agent: str = "") -> str:
        """A new token for `user`; its text is given here and never again."""
        token_id, secret = secrets.token_hex(16), secrets.token_hex(16)
        now = self._clock()
        row = TokenRow(
            token_id, user, _digest(secret), reason, now, now, address[:TEXT_LIMIT], user_agent[:TEXT_LIMIT]
        )
        await self._store.tokens.add(row)
        self._rows[token_id] = row
        return f"{user.encode().hex()}.{token_id}.{secret}"

    def check(self, text: str) -> TokenRow | None:
        """The token that `text` is, or None; notes the use."""
        parts = text.split(".") if len(text) <= LONGEST_TOKEN else []
        if len(parts) != 3:
            return None
        row = self._rows.get(parts[1])
        if row is None or not hmac.compare_digest(row.digest, _digest(parts[2])):
            return None
        if row.user.encode().hex() != parts[0].lower():
            return None
        self._used[row.id] = self._clock()
        return row

    def of_user(self, user: str) -> list[TokenRow]:
        """The tokens of a user, newest first, with the latest use."""
        found = [row for row in self._rows.values() if row.user == user]
        found.sort(key=lambda row: row.created, reverse=True)
        return found

    def last_active(self, row: TokenRow) -> int:
        """When a token was last used, unix milliseconds."""
        return self._used.get(row.id, row.last_active)

    async def revoke(self, user: str, token_id: str) -> bool:
        """End a token of `user` with every session it made; False when the user has no such token."""
        row = self._rows.get(token_id)
        if row is None or row.user != user:
            return False
        del self._rows[token_id]
        self._used.pop(token_id, None)
        await self._store.tokens.delete(token_id)
        await self._sessions.end_for_token(token_id)
        return True

    async def revoke_all(self, user: str, *, but: str = "") -> None:
        """End every token of `user` except the one with the id `but`."""
        for row in self.of_user(user):
            if row.id != but:
                await self.revoke(user, row.id)

    async def flush(self) -> None:
        """Write the last uses down."""
        used, self._used = self._used, {}
        if not used:
            return
        for token_id, when in used.items():
            row = self._rows.get(token_id)
            if row is not None:
                self._rows[token_id] = TokenRow(
                    row.id, row.user, row.digest, row.reason, row.created, when, row.address, row.user_agent
                )
        await self._store.tokens.touch(used)


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()

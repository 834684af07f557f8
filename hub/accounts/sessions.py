"""Sessions: one for each tab or client, in memory for the hot path, in the store for the next start.

Only the SHA-256 of an id is kept; possession of the id is the proof. A session ends after a time without
use, with the token that made it, or with its user; whoever holds sockets of it is told.
"""

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256

from msgspec import Struct

from hub.accounts.caller import Caller, Limits
from hub.accounts.clock import Clock, Steps, now_ms, steady_ms
from hub.store import SessionRow, Store

Grants = tuple[frozenset[str], Limits]
"""What a user's roles add up to."""

MOST_PER_USER = 10_000
TEXT_LIMIT = 300  # characters kept of an address or user agent
DAY_MS = 86_400_000
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Live:
    """A session in memory. `caller` is None until its id is first shown after a start."""

    user: str
    token: str
    address: str
    client: str
    last_used: int
    created: int
    until: int = 0  # when its token ends, 0 for never; known together with the caller
    caller: Caller | None = None


class SessionView(Struct, frozen=True):
    """A session as its user sees it: `id` is no secret; `made` and `last_used` in unix milliseconds; `token`
    the id of the token it was made with ("" for none)."""

    id: str
    made: int
    last_used: int
    address: str
    client: str
    token: str


class Sessions:
    """Issue, find, end. `grants` gives the present flags and limits of a user who comes with a token ("" for
    none), `ends` when a token ends (0: never); `note_active` is told of users who did something by hand."""

    def __init__(
        self,
        store: Store,
        grants: Callable[[str, str], Grants],
        *,
        ends: Callable[[str], int] = lambda token: 0,
        note_active: Callable[[str], None] = lambda user: None,
        days: int = 31,
        most_days: int = 90,
        clock: Clock = now_ms,
        steady: Clock | None = None,
    ) -> None:
        self._store = store
        self._grants = grants
        self._note_active = note_active
        self._steps = Steps(clock, steady or (steady_ms if clock is now_ms else clock))
        self._lifetime = days * DAY_MS
        self._longest = most_days * DAY_MS
        self._live: dict[bytes, _Live] = {}
        self._used: dict[bytes, int] = {}  # last-used times not written yet
        self._ends = ends
        self._listeners: list[Callable[[str], None]] = []
        self._onlookers: list[Callable[[str | None], None]] = []
        for row in store.sessions.all():
            self._live[bytes.fromhex(row.digest)] = _Live(
                row.user, row.token, row.address, row.user_agent, row.last_used, row.created
            )

    async def issue(self, user: str, *, token: str = "", address: str = "", user_agent: str = "") -> str:
        """A new session for `user`: 40 upper-case hex digits, durable when this returns."""
        session_id = secrets.token_hex(20).upper()
        digest = _digest(session_id)
        now = self._now()
        live = _Live(user, token, address[:TEXT_LIMIT], user_agent[:TEXT_LIMIT], now, now)
        live.caller = self._caller(session_id, live)
        await self._make_room(user)
        await self._store.sessions.add(
            SessionRow(digest.hex(), user, token, now, now, live.address, live.client)
        )
        self._live[digest] = live
        return session_id

    def find(self, session_id: str) -> Caller | None:
        """The caller a session id stands for, or None. One hash and one look-up; notes the use."""
        digest = _digest(session_id)
        live = self._live.get(digest)
        if live is None:
            return None
        now = self._now()
        if live.caller is None:
            live.caller = self._caller(session_id, live)
        if self._has_run_out(live, now) or 0 < live.until <= now:
            self._forget([digest])
            return None
        live.last_used = now
        self._used[digest] = now
        return live.caller

    def present(self, session_id: str) -> Caller | None:
        """The caller as he is now, or None, of a session that was found before; no use of it."""
        live = self._live.get(_digest(session_id))
        return None if live is None else live.caller

    def active(self, caller: Caller) -> None:
        """The caller did something by hand (the routes marked U)."""
        self._note_active(caller.user)

    def on_end(self, listener: Callable[[str], None]) -> None:
        """Have `listener` called with the id of every session that ends. It must not wait."""
        self._listeners.append(listener)

    def on_change(self, listener: Callable[[str | None], None]) -> None:
        """Have `listener` called with the user whose flags may have changed, None for all. It must not
        wait."""
        self._onlookers.append(listener)

    async def end(self, session_id: str) -> bool:
        """End one session; False when there was none."""
        digest = _digest(session_id)
        if digest not in self._live:
            return False
        await self._forget([digest])
        return True

    def listing(self, user: str) -> list[SessionView]:
        """The sessions of a user, the one used last first."""
        found = [
            SessionView(_name(digest), live.created, live.last_used, live.address, live.client, live.token)
            for digest, live in self._live.items()
            if live.user == user
        ]
        return sorted(found, key=lambda view: view.last_used, reverse=True)

    async def end_named(self, user: str, name: str) -> bool:
        """End the session of `user` that is listed under a name; False when there is none."""
        doomed = [
            digest for digest, live in self._live.items() if live.user == user and _name(digest) == name
        ]
        await self._forget(doomed)
        return bool(doomed)

    async def end_but(self, user: str, name: str) -> None:
        """End every session of `user` except the one listed under a name ("": every one)."""
        await self._forget(
            [digest for digest, live in self._live.items() if live.user == user and _name(digest) != name]
        )

    async def end_for_token(self, token: str) -> int:
        """End every session a token made; how many."""
        return await self._end_where(lambda live: bool(token) and live.token == token)

    async def end_for_user(self, user: str) -> int:
        """End every session of a user; how many."""
        return await self._end_where(lambda live: live.user == user)

    def end_unproven(self, user: str) -> int:
        """End a user's sessions that were given without a token, at once in memory; how many."""
        doomed = [digest for digest, live in self._live.items() if live.user == user and not live.token]
        self._forget(doomed)
        return len(doomed)

    async def end_others(self, caller: Caller) -> int:
        """End every session of the caller's user except the caller's own and those of the same token."""
        mine = _digest(caller.session)
        kept = caller.token
        doomed = [
            digest
            for digest, live in self._live.items()
            if live.user == caller.user and digest != mine and not (kept and live.token == kept)
        ]
        await self._forget(doomed)
        return len(doomed)

    async def sweep(self, is_known: Callable[[str], bool] = lambda token: True) -> int:
        """End what has not been used for too long or is too old, and what a kill left of tokens that are not
        known any more; how many."""
        now = self._now()
        return await self._end_where(
            lambda live: self._has_run_out(live, now) or (bool(live.token) and not is_known(live.token))
        )

    def _has_run_out(self, live: _Live, now: int) -> bool:
        """Whether it lay unused for too long, or is too old however much it is used (ASVS 7.3.1, 7.3.2)."""
        return now - live.last_used > self._lifetime or now - live.created > self._longest

    async def flush(self) -> None:
        """Write the last-used times down; what cannot be written stays for the next time."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            await self._store.sessions.touch(
                {
                    digest.hex(): (when, live.created)
                    for digest, when in used.items()
                    if (live := self._live.get(digest)) is not None
                }
            )
        except sqlite3.Error:
            alive = {digest: when for digest, when in used.items() if digest in self._live}
            self._used = alive | self._used
            raise

    def refresh(self, user: str | None = None) -> None:
        """Take up changed roles at once: of one user, or of all."""
        for live in self._live.values():
            if live.caller is not None and user in (None, live.user):
                live.caller = self._caller(live.caller.session, live)
        for listener in self._onlookers:
            try:
                listener(user)
            except Exception:
                _log.exception("a listener for changed roles failed")

    def addresses(self, since: int) -> dict[str, dict[str, int]]:
        """Of each user with sessions used since then (unix milliseconds): how many from each address."""
        found: dict[str, dict[str, int]] = {}
        for live in self._live.values():
            if live.last_used >= since:
                places = found.setdefault(live.user, {})
                places[live.address] = places.get(live.address, 0) + 1
        return found

    def of_user(self, user: str) -> list[str]:
        """The session ids of a user that were seen since the start (the others have no work and no
        sockets)."""
        return [
            live.caller.session
            for live in self._live.values()
            if live.user == user and live.caller is not None
        ]

    def _caller(self, session_id: str, live: _Live) -> Caller:
        flags, limits = self._grants(live.user, live.token)
        live.until = self._ends(live.token)
        return Caller(live.user, session_id, flags, limits, live.token, live.address)

    def _now(self) -> int:
        """The time. A session's age is how long it was not used: when the clock is set, all move along, or
        setting it forward would end them all, and back would keep them for ever."""
        now, moved = self._steps.look()
        if moved:
            _log.warning("The clock was set by %+.0f seconds; sessions keep their age", moved / 1000)
            for digest, live in self._live.items():
                live.last_used += moved
                live.created += moved
                self._used[digest] = live.last_used
        return now

    async def _end_where(self, matches: Callable[[_Live], bool]) -> int:
        doomed = [digest for digest, live in self._live.items() if matches(live)]
        await self._forget(doomed)
        return len(doomed)

    def _forget(self, digests: Iterable[bytes]) -> "asyncio.Future[int]":
        """Out of memory at once, so that nobody gets in while the store still writes."""
        gone = [(digest, live) for digest in digests if (live := self._live.pop(digest, None)) is not None]
        for digest, live in gone:
            self._used.pop(digest, None)
            if live.caller is not None:
                self._tell(live.caller.session)
        return self._store.sessions.delete([digest.hex() for digest, _ in gone])

    def _tell(self, session_id: str) -> None:
        for listener in self._listeners:
            try:
                listener(session_id)
            except Exception:
                _log.exception("a listener for ended sessions failed")

    async def _make_room(self, user: str) -> None:
        """A client that asks for a session with each call must not fill the memory: its oldest go first."""
        if len(self._live) < MOST_PER_USER:
            return
        mine = [(live.last_used, digest) for digest, live in self._live.items() if live.user == user]
        if len(mine) >= MOST_PER_USER:
            mine.sort()
            await self._forget(digest for _, digest in mine[: MOST_PER_USER // 10])


def name_of(session_id: str) -> str:
    """What a session is listed under."""
    return _name(_digest(session_id))


def _name(digest: bytes) -> str:
    """A part of the hash: it names a session and opens nothing."""
    return digest.hex()[:32]


def _digest(session_id: str) -> bytes:
    return sha256(session_id.encode("utf-8", "surrogatepass")).digest()

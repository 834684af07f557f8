"""The accounts as one object: opened with the store, asked who is calling, closed before the store."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

import msgspec
from msgspec import Struct

import languages
import themes
from hub.accounts.caller import Caller
from hub.accounts.clock import Clock, now_ms
from hub.accounts.governing import Governing
from hub.accounts.guesses import Guesses, bare
from hub.accounts.keepsakes import Keepsakes
from hub.accounts.leaving import Leaving
from hub.accounts.passwords import ROUNDS, Passwords
from hub.accounts.preference import Choices
from hub.accounts.preferences import Preferences
from hub.accounts.presets import Presets
from hub.accounts.references import References
from hub.accounts.roles import Roles
from hub.accounts.sessions import Grants, Sessions
from hub.accounts.sign_in import SignIn
from hub.accounts.tokens import COOKIE, Tokens
from hub.accounts.upstream_keys import UpstreamKeys
from hub.accounts.users import LOCAL, Users
from hub.accounts.word_lists import WordLists
from hub.errors import DeadSession, ExpiredToken
from hub.settings import Settings
from hub.store import Store

FLUSH_SECONDS = 30.0
SWEEP_EVERY = 120  # flushes between two sweeps for sessions that have run out
_log = logging.getLogger(__name__)


class Identity(Struct, frozen=True):
    """Who a connection belongs to before it has a session: the user, and the id of the token shown ("" for
    none)."""

    user: str
    token: str = ""


class Knock(Protocol):
    """What is known of a connection; the wire's `Door` is one."""

    @property
    def address(self) -> str:
        """The client's text."""

    @property
    def is_loopback(self) -> bool:
        """Whether the caller sits on this machine and nothing forwarded the call."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers by lower-case name."""

    @property
    def cookies(self) -> Mapping[str, str]:
        """Cookies by name."""


def _choices(word_lists: WordLists) -> Choices:
    return Choices(
        {theme.id: theme.name for theme in themes.discover().values()},
        {language.code: language.local_name for language in languages.discover().values()},
        word_lists,
    )


class Accounts:
    """Everything about who: `users`, `roles`, `sessions`, `tokens`, `sign_in`."""

    def __init__(
        self,
        whole: Settings,
        store: Store,
        *,
        clock: Clock = now_ms,
        password_rounds: int = ROUNDS,
    ) -> None:
        settings = whole.accounts
        self.settings = settings
        self.roles = Roles(store)
        self.users = Users(store, self.roles, clock=clock)
        self.sessions = Sessions(
            store,
            self._grants,
            ends=lambda token: self.tokens.ends(token),
            note_active=self.users.note_active,
            days=settings.session_days,
            most_days=settings.session_most_days,
            clock=clock,
        )
        self.users.on_owner(self.close_loopback)
        self.guesses = Guesses(clock=clock)
        self.tokens = Tokens(store, self.sessions, clock=clock)
        self.leaving = Leaving(self.sessions, self.tokens)
        self._passwords = Passwords(password_rounds)
        self.sign_in = SignIn(settings, self.users, self.tokens, self.sessions, self._passwords, clock=clock)
        self.presets = Presets(store)
        self.word_lists = WordLists(whole.folders.data)
        self.preferences = Preferences(self.users, _choices(self.word_lists))
        self.governing = Governing(
            self.users, self.roles, self.sessions, self.tokens, self._passwords, self.preferences
        )
        self.keepsakes = Keepsakes(store)
        self.references = References(store)
        self.upstream_keys = UpstreamKeys(store, whole.folders.keys)
        self._chores: list[asyncio.Task[None]] = []

    @classmethod
    async def open(
        cls, settings: Settings, store: Store, *, clock: Clock = now_ms, password_rounds: int = ROUNDS
    ) -> "Accounts":
        """Roles and the local user brought up, sessions that have run out ended, chores started."""
        accounts = cls(settings, store, clock=clock, password_rounds=password_rounds)
        await accounts.roles.bring_up()
        accounts.users.roles_changed()
        await accounts.users.bring_up()
        await accounts.sessions.sweep(lambda token: accounts.tokens.get(token) is not None)
        loop = asyncio.get_running_loop()
        accounts._chores = [
            loop.create_task(accounts._run_chores(), name="accounts chores"),
            loop.create_task(accounts.tokens.watch(), name="tokens that end"),
        ]
        return accounts

    async def close(self) -> None:
        """Write down what is only in memory."""
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await self._flush()
        self._passwords.close()

    def identify(
        self, address: str, is_loopback: bool, headers: Mapping[str, str], cookies: Mapping[str, str]
    ) -> Identity | None:
        """Who is calling, or None when they have to sign in first. Raises ExpiredToken for a token shown as
        such that has run out, TooManyGuesses where too many wrong ones came from.

        A token counts first: `Authorization: Bearer <token>` (a wrong one is refused), then the cookie (a
        stale one is passed over). Without one a direct caller on this machine is the local user while
        `trusts_loopback`. No header can choose a user. `headers` have lower-case
        names; `is_loopback` must be False for forwarded calls; `address` is for the log.
        """
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            shown = credentials.strip()
            if (expired := self.tokens.expired(shown)) is not None:
                raise ExpiredToken(expired)
            return self._by_token(shown, address, is_loopback)
        cookie = cookies.get(COOKIE)
        if cookie and (found := self._by_token(cookie, address, is_loopback)) is not None:
            return found
        return Identity(LOCAL) if is_loopback and self.trusts_loopback else None

    @property
    def trusts_loopback(self) -> bool:
        """Whether a direct caller on this machine is its owner without signing in: until an owner can sign
        in, or where a setting exempts this machine."""
        chosen = self.settings
        return chosen.localhost_bypass or not (chosen.required or self.users.has_owner)

    def close_loopback(self) -> None:
        """There is an owner now: who came without signing in does so, and no session from before counts."""
        if not self.trusts_loopback and self.sessions.end_unproven(LOCAL):
            _log.info("an owner can sign in now; sessions of this machine that did not have ended")

    async def forget(self, user: str) -> None:
        """An account is gone from the store: out of memory with every way in, and its sockets told."""
        self.users.forget(user)
        await self.tokens.revoke_all(user)
        await self.sessions.end_for_user(user)

    def caller_without_session(self, identity: Identity, address: str = "") -> Caller:
        """The caller of a page or file request, which carries no session id."""
        flags, limits = self._grants(identity.user, identity.token)
        return Caller(identity.user, "", flags, limits, identity.token, address)

    def visitor(self, door: Knock) -> Caller | None:
        """Who comes by cookie, token or as the local user, with no session; None for nobody we know."""
        identity = self.identify(door.address, door.is_loopback, door.headers, door.cookies)
        return None if identity is None else self.caller_without_session(identity, door.address)

    def roles_changed(self) -> None:
        """Take up changed roles in every open session at once."""
        self.users.roles_changed()
        self.sessions.refresh()

    def now(self, caller: Caller) -> Caller:
        """The caller as he is now, for what goes on long after it was asked for: by his session while it is
        open, else by what his roles and token still give. Raises DeadSession for a user or token gone."""
        found = self.sessions.present(caller.session) if caller.session else None
        if found is not None:
            return found
        if self.users.get(caller.user) is None or (caller.token and not self._is_good(caller.token)):
            raise DeadSession
        flags, limits = self._grants(caller.user, caller.token)
        return msgspec.structs.replace(caller, flags=flags, limits=limits)

    def _is_good(self, token: str) -> bool:
        row = self.tokens.get(token)
        return row is not None and not self.tokens.is_over(row)

    def _grants(self, user: str, token: str) -> Grants:
        """What a user's roles add up to for whoever comes with a token of his ("" for none)."""
        flags, limits = self.users.grants(user)
        return self.tokens.narrow(token, flags), limits

    def _by_token(self, text: str, address: str, is_loopback: bool) -> Identity | None:
        row = self.tokens.check(text)
        if row is not None:
            self.guesses.found(bare(address), is_loopback, row.address)
        else:
            self.guesses.missed(bare(address), is_loopback)
            _log.debug("a token from %s is unknown", address)
            return None
        return Identity(row.user, row.id)

    async def _flush(self) -> None:
        await self.sessions.flush()
        await self.tokens.flush()
        await self.users.flush()

    async def _run_chores(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            turn += 1
            try:
                await self._flush()
                if turn % SWEEP_EVERY == 0:
                    await self.sessions.sweep()
            except Exception:
                _log.exception("writing down last uses failed; it is tried again")

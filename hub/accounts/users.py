"""Accounts: names, roles and what they add up to, kept in memory once seen."""

import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from hub.accounts.clock import Clock, now_ms
from hub.accounts.roles import Roles
from hub.accounts.sessions import Grants
from hub.store import Store, UserRow

LOCAL = "local"
"""Who calls when nobody has to sign in."""

SHORTEST_NAME = 3
LONGEST_NAME = 100
RESERVED = frozenset(
    (
        "shared local admin owner moderator user users poweruser guest guests registered login account "
        "system root role roles tracked permission permissions"
    ).split()
)


def clean_name(name: str) -> str:
    """A user name as it is kept: lower-case a-z, 0-9 and _; "" when what is left cannot be one."""
    cleaned = re.sub(r"[^a-z0-9_]", "", name.lower()[: LONGEST_NAME * 10])
    return cleaned if SHORTEST_NAME <= len(cleaned) <= LONGEST_NAME else ""


def may_be_taken(name: str) -> bool:
    """Whether a cleaned name is open to new accounts: not reserved, and beginning with a letter."""
    return bool(name) and name[0].isalpha() and name not in RESERVED


class Users:
    """The accounts of this hub."""

    def __init__(self, store: Store, roles: Roles, *, clock: Clock = now_ms) -> None:
        self._store = store
        self._roles = roles
        self._clock = clock
        self._rows: dict[str, UserRow] = {}
        self._grants: dict[str, Grants] = {}
        self._active: dict[str, int] = {}
        self._owned: bool | None = None  # whether an owner can sign in, once known
        self._on_owner: list[Callable[[], None]] = []

    async def bring_up(self) -> None:
        """Make sure that the local user is there; it is the owner."""
        if self.get(LOCAL) is None:
            await self.add(LOCAL, roles=("owner",))
        self.look_for_owner()

    def get(self, name: str) -> UserRow | None:
        """The account, or None."""
        row = self._rows.get(name)
        if row is None:
            row = self._store.users.by_name(name)
            if row is not None:
                self._rows[name] = row
        return row

    def grants(self, name: str) -> Grants:
        """Flags and limits of a user; none for a name nobody has."""
        found = self._grants.get(name)
        if found is None:
            row = self.get(name)
            found = self._roles.grants(row.roles if row is not None else ())
            self._grants[name] = found
        return found

    async def add(
        self,
        name: str,
        *,
        password: str = "",
        roles: tuple[str, ...] = (),
        by_admin: bool = False,
        identity: tuple[str, str] | None = None,
    ) -> bool:
        """A new account with an already hashed password, or for an OpenID identity (issuer, subject); False
        when one of them is taken."""
        now = self._clock()
        row = UserRow(name, password, by_admin, roles, {}, now, now)
        try:
            await self._store.users.add(row, identity)
        except sqlite3.IntegrityError:
            return False
        self._rows[name] = row
        self._grants.pop(name, None)
        self.look_for_owner()
        return True

    async def names(self) -> list[str]:
        """Every account's name."""
        return await self._store.users.names()

    async def set_password(self, name: str, hashed: str, *, by_admin: bool = False) -> None:
        """Replace a password by an already hashed one ("" clears it)."""
        await self._store.users.set_password(name, hashed, by_admin=by_admin)
        self._reread(name)

    async def set_roles(self, name: str, roles: tuple[str, ...]) -> None:
        """Replace the roles; sessions take them up through `Sessions.refresh`."""
        await self._store.users.set_roles(name, roles)
        self._reread(name)

    async def set_settings(self, name: str, settings: Mapping[str, Any]) -> None:
        """Replace what the user chose (dotted key to value). It holds at once, so that a second change in the
        same moment builds on it."""
        row = self.get(name)
        if row is not None:
            self._rows[name] = msgspec.structs.replace(row, settings=dict(settings))
        try:
            await self._store.users.set_settings(name, settings)
        finally:
            self._rows.pop(name, None)

    async def set_oauth_email(self, name: str, email: str) -> bool:
        """Replace the address by which an OpenID issuer may sign the user in ("" for none), and unlink whom
        an issuer signed in so far; whether there was such a one."""
        await self._store.users.set_oauth_email(name, email)
        linked = await self._store.identities.delete(name)
        self._reread(name)
        return linked > 0

    def with_oauth_email(self, email: str) -> list[str]:
        """The accounts with this address."""
        return self._store.users.by_oauth_email(email) if email else []

    def identified(self, issuer: str, subject: str) -> str | None:
        """The account of whom an OpenID issuer knows as `subject`, None when it is linked to none."""
        return self._store.identities.user(issuer, subject)

    def is_linked(self, name: str, issuer: str) -> bool:
        """Whether somebody of this issuer signs in as a user."""
        return issuer in self._store.identities.issuers(name)

    async def link(self, name: str, issuer: str, subject: str) -> bool:
        """Let an issuer's subject sign in as a user from now on; False when it is linked already, or the
        account has just been deleted."""
        if self.get(name) is None:
            return False
        try:
            await self._store.identities.add(issuer, subject, name, self._clock())
        except sqlite3.IntegrityError:
            return False
        self._reread(name)
        return True

    def can_sign_in(self, row: UserRow) -> bool:
        """Whether an account has a password, or is known to an OpenID issuer."""
        return bool(row.password) or bool(self._store.identities.issuers(row.name))

    def forget(self, name: str) -> None:
        """Let go of an account that is gone from the store."""
        self._active.pop(name, None)
        self._reread(name)

    @property
    def has_owner(self) -> bool:
        """Whether an owner can sign in, by password or OpenID: from then on everybody has to."""
        if self._owned is None:
            able = self._store.users.able_to_sign_in()
            self._owned = any("*" in self._roles.grants(roles)[0] for _, roles in able)
        return self._owned

    def on_owner(self, listener: Callable[[], None]) -> None:
        """Have `listener` called when the first owner who can sign in appears. It must not wait."""
        self._on_owner.append(listener)

    def look_for_owner(self) -> None:
        """Somebody may have become an owner, or able to sign in, or neither any more."""
        before, self._owned = self._owned, None
        if self.has_owner and before is False:
            for listener in self._on_owner:
                listener()

    async def has_password_owner(self) -> bool:
        """Whether somebody with a password holds the star: demanded before the hub listens beyond
        loopback."""
        for name in await self.names():
            row = self.get(name)
            if row is not None and row.password and "*" in self.grants(name)[0]:
                return True
        return False

    def note_active(self, name: str) -> None:
        """The user did something by hand just now."""
        self._active[name] = self._clock()

    def last_active(self, name: str) -> int:
        """When the user last did something, unix milliseconds; 0 for never."""
        row = self.get(name)
        return self._active.get(name, row.last_active if row is not None else 0)

    def roles_changed(self) -> None:
        """Forget what the roles added up to."""
        self._grants.clear()
        self.look_for_owner()

    async def flush(self) -> None:
        """Write last-active times down."""
        active, self._active = self._active, {}
        if active:
            await self._store.users.touch(active)
            for name in active:
                self._rows.pop(name, None)

    def _reread(self, name: str) -> None:
        self._rows.pop(name, None)
        self._grants.pop(name, None)
        self.look_for_owner()

"""What one person may do to the accounts and roles of others. Nobody gives, takes or touches more than they
hold themselves: whoever may manage users could otherwise make himself the owner.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from typing import Any

from hub.accounts.caller import Caller
from hub.accounts.passwords import LONGEST, SHORTEST, Passwords
from hub.accounts.preferences import Preferences
from hub.accounts.roles import Roles
from hub.accounts.sessions import Sessions
from hub.accounts.tokens import Tokens
from hub.accounts.users import LOCAL, Users, clean_name, may_be_taken
from hub.errors import BadInput, Forbidden, HubError
from permissions import FLAGS, Role

LONGEST_ADDED = 70
SHORTEST_ROLE = 3
OWNER = "owner"
LONGEST_ADDRESS = 254
_ADDRESS = re.compile(r"[^\s@\x00-\x1f]+@[a-z0-9.-]+\.[a-z0-9-]+|[^\s@\x00-\x1f]+@localhost")
_log = logging.getLogger(__name__)


class Governing:
    """Add and change accounts and roles; every change is taken up at once by open sessions."""

    def __init__(
        self,
        users: Users,
        roles: Roles,
        sessions: Sessions,
        tokens: Tokens,
        passwords: Passwords,
        preferences: Preferences,
    ) -> None:
        self._users = users
        self._roles = roles
        self._sessions = sessions
        self._tokens = tokens
        self._passwords = passwords
        self._preferences = preferences
        self.deciding = asyncio.Lock()
        """Held by whatever may take an owner away: two of them at once could leave none."""

    # ---- accounts ----------------------------------------------------------------------------------------

    async def add_user(self, caller: Caller, name: str, password: str, role: str) -> str:
        """A new account; its name as it is kept. Raises BadInput or HubError."""
        cleaned = clean_name(name)
        if not may_be_taken(cleaned) or len(cleaned) > LONGEST_ADDED:
            raise BadInput(
                f"'{name[:80]}' cannot be a user's name: 3 to {LONGEST_ADDED} letters, digits or _, "
                "the first a letter, and no reserved word.",
                field="name",
                limit=[3, LONGEST_ADDED],
            )
        self._demand_password(password)
        self._demand_within(caller, self._role(role).flags, f"the role '{role}'")
        hashed = await self._passwords.hash(cleaned, password)
        if not await self._users.add(cleaned, password=hashed, roles=(role,), by_admin=True):
            raise BadInput(f"There is a user '{cleaned}' already.", field="name")
        _log.info("user %s added the user %s as %s", caller.user, cleaned, role)
        return cleaned

    async def set_password(self, caller: Caller, name: str, password: str) -> None:
        """Replace a user's password ("" clears it) and end every way they are signed in.

        Raises BadInput or HubError.
        """
        user = self.user(caller, name)
        if password:
            self._demand_password(password)
        hashed = await self._passwords.hash(user, password) if password else ""
        async with self.deciding:
            if not password and await self._is_last_owner(user):
                raise HubError(
                    "The last owner with a password keeps one: nobody could manage the hub any more."
                )
            await self._users.set_password(user, hashed, by_admin=True)
        await self._tokens.revoke_all(user, but=caller.token if user == caller.user else "")
        if user == caller.user:
            await self._sessions.end_others(caller)
        else:
            await self._sessions.end_for_user(user)
        _log.info("user %s set the password of %s", caller.user, user)

    async def change_settings(self, caller: Caller, name: str, wanted: Mapping[str, Any]) -> dict[str, str]:
        """Change a user's settings, `Roles` (a list, or names with commas) among them; what was passed over,
        with the reason. Raises BadInput or HubError, and then nothing was changed.
        """
        user = self.user(caller, name)
        left = {key: value for key, value in wanted.items() if key.lower() != "roles"}
        given = [value for key, value in wanted.items() if key.lower() == "roles"]
        if given:
            async with self.deciding:
                await self._set_roles(caller, user, _names(given[-1], "Roles"))
        return await self._preferences.change(user, left) if left else {}

    async def _set_roles(self, caller: Caller, user: str, roles: tuple[str, ...]) -> None:
        row = self._users.get(user)
        before = row.roles if row is not None else ()
        for role in {*roles} ^ {*before}:
            if role in roles or self._roles.get(role) is not None:
                self._demand_within(caller, self._role(role).flags, f"the role '{role}'")
        if await self._is_last_owner(user) and "*" not in self._roles.grants(roles)[0]:
            raise HubError(
                f"'{user}' is the last owner who can sign in, and keeps that role. "
                "Make somebody else an owner first."
            )
        if user == LOCAL and "*" not in self._roles.grants(roles)[0]:
            raise HubError("Whoever sits at this machine without signing in is its owner and stays that.")
        await self._users.set_roles(user, roles)
        self._sessions.refresh(user)
        _log.info("user %s gave %s the roles %s", caller.user, user, ", ".join(roles) or "none")

    def known(self, name: str) -> str:
        """The name of an account, as it is kept. Raises BadInput."""
        user = name if self._users.get(name) is not None else clean_name(name)
        if not user or self._users.get(user) is None:
            raise BadInput(f"There is no user '{name[:80]}'.", field="name")
        return user

    def user(self, caller: Caller, name: str) -> str:
        """The name of an account that the caller may change. Raises BadInput or HubError."""
        user = self.known(name)
        self._demand_within(caller, self._users.grants(user)[0], f"the user '{user}'")
        return user

    async def demand_deletable(self, user: str) -> None:
        """Refuse to delete whom the hub cannot do without. Raises HubError."""
        if user == LOCAL:
            raise HubError("Whoever sits at this machine without signing in has no account to delete.")
        if await self._is_last_owner(user):
            raise HubError(
                f"'{user}' is the last owner who can sign in. Make somebody else an owner first, "
                "or nobody could manage the hub any more."
            )

    def demand_other(self, caller: Caller, user: str) -> None:
        """Refuse what one does not do to oneself as an administrator. Raises HubError."""
        if user == caller.user:
            raise HubError(
                "Nobody deletes their own account as an administrator. "
                "POST /hub/v1/account/delete deletes it, with its password."
            )

    async def set_oauth_email(self, caller: Caller, name: str, email: str) -> None:
        """Let an OpenID issuer's user with this address sign in as a user ("" ends that). Whoever was linked
        before is not any more, and every way they are signed in ends. Raises BadInput or HubError."""
        user = self.user(caller, name)
        wanted = email.strip().lower()
        if wanted and not is_address(wanted):
            raise BadInput(
                f"'{email[:80]}' is not an e-mail address.", field="email", limit="like ann@example.com"
            )
        others = [other for other in self._users.with_oauth_email(wanted) if other != user]
        if others:
            raise BadInput(f"The user '{others[0]}' has this address already.", field="email")
        async with self.deciding:
            row = self._users.get(user)
            if row is not None and not row.password and await self._is_last_owner(user):
                raise HubError(
                    "The last owner signs in by OpenID Connect. Give a password to the account first."
                )
            had = await self._users.set_oauth_email(user, wanted)
        if had:
            await self._tokens.revoke_all(user, but=caller.token if user == caller.user else "")
            if user != caller.user:
                await self._sessions.end_for_user(user)
        _log.info("user %s set the OpenID address of %s", caller.user, user)

    async def _is_last_owner(self, user: str) -> bool:
        """Whether without this user nobody could sign in as an owner any more."""
        others = (name for name in await self._users.names() if name != user)
        return self._is_owner(user) and not any(map(self._is_owner, others))

    def _is_owner(self, user: str) -> bool:
        row = self._users.get(user)
        return row is not None and self._users.can_sign_in(row) and "*" in self._users.grants(user)[0]

    # ---- roles -------------------------------------------------------------------------------------------

    async def add_role(self, caller: Caller, name: str) -> str:
        """A new role without flags; its id. Raises BadInput."""
        role_id = clean_name(name)
        if len(role_id) < SHORTEST_ROLE:
            raise BadInput(
                f"'{name[:80]}' cannot be a role's name: at least {SHORTEST_ROLE} letters, digits or _.",
                field="name",
                limit=SHORTEST_ROLE,
            )
        if self._roles.get(role_id) is not None:
            raise BadInput(f"There is a role '{role_id}' already.", field="name")
        await self._put(caller, Role(role_id, name.strip()[:100]))
        return role_id

    async def change_role(self, caller: Caller, role: Role) -> None:
        """Replace a role by its id. Raises BadInput or HubError."""
        before = self._role(role.id)
        self._demand_within(caller, before.flags, f"the role '{role.id}'")
        unknown = sorted(role.flags - FLAGS.keys() - before.flags)
        if unknown:
            raise BadInput(f"There is no permission '{unknown[0][:80]}'.", field="permissions")
        self._demand_within(caller, role.flags, "these permissions")
        if role.id == OWNER and "*" not in role.flags:
            raise BadInput("The owner's role keeps Full Control ('*').", field="permissions")
        async with self.deciding:
            await self._demand_owner_without(role.id, role.flags)
            await self._put(caller, role)

    async def delete_role(self, caller: Caller, name: str) -> None:
        """Remove a role; who had it loses what it gave, at once. Raises BadInput or HubError."""
        role = self._role(name)
        self._demand_within(caller, role.flags, f"the role '{role.id}'")
        if role.automatic:
            raise HubError(f"The role '{role.id}' belongs to every hub and cannot be deleted.")
        async with self.deciding:
            await self._demand_owner_without(role.id, frozenset())
            await self._roles.delete(role.id)
            self._take_up()
        _log.info("user %s deleted the role %s", caller.user, role.id)

    async def _demand_owner_without(self, role_id: str, flags: frozenset[str]) -> None:
        """Refuse to leave a role no more than `flags` where every owner is one by it alone. Raises
        HubError."""
        if "*" in flags:
            return
        owners = [name for name in await self._users.names() if self._is_owner(name)]
        rows = filter(None, map(self._users.get, owners))
        left = (tuple(role for role in row.roles if role != role_id) for row in rows)
        if owners and not any("*" in self._roles.grants(roles)[0] for roles in left):
            raise HubError(
                f"By the role '{role_id}' alone '{owners[0]}' is an owner, the last who can sign in. Give "
                "that user or another one the role 'owner' first, or nobody could manage the hub any more."
            )

    async def _put(self, caller: Caller, role: Role) -> None:
        await self._roles.put(role)
        self._take_up()
        _log.info("user %s changed the role %s", caller.user, role.id)

    def _take_up(self) -> None:
        self._users.roles_changed()
        self._sessions.refresh()

    def _role(self, name: str) -> Role:
        role = self._roles.get(name) or self._roles.get(clean_name(name))
        if role is None:
            known = [each.id for each in self._roles.all()]
            raise BadInput(
                f"There is no role '{name[:80]}'; there are: {', '.join(known)}.", field="role", limit=known
            )
        return role

    # ---- rules -------------------------------------------------------------------------------------------

    def _demand_within(self, caller: Caller, flags: frozenset[str], what: str) -> None:
        """Refuse what holds flags that the caller lacks. Raises Forbidden."""
        missing = sorted(flag for flag in flags if not caller.may(flag))
        if missing:
            raise Forbidden(
                missing[0], f"You may not change {what}: that holds '{missing[0]}', which you do not."
            )

    def _demand_password(self, password: str) -> None:
        if not SHORTEST <= len(password) <= LONGEST:
            raise BadInput(
                f"A password has {SHORTEST} to {LONGEST} characters.",
                field="password",
                limit=[SHORTEST, LONGEST],
            )


def is_address(text: str) -> bool:
    """Whether a lower-case text can be an e-mail address."""
    return len(text) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def _names(value: Any, field: str) -> tuple[str, ...]:
    """Names from a list or from a text with commas. Raises BadInput."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadInput(f"{field} must be a list of names.", field=field)
    return tuple(dict.fromkeys(each.strip() for each in value if each.strip()))

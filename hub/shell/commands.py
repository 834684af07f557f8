"""What can be done to accounts from a shell: values that travel, and how each is carried out."""

import time
from collections.abc import Sequence

from msgspec import Struct

from hub.accounts import Accounts, Caller, Limits
from hub.errors import BadInput, HubError
from hub.store import TokenRow
from permissions import FLAGS

SHELL = Caller("the shell", "", frozenset({"*"}), Limits())
"""Whoever may read and write the data folder is its owner."""

DAY_MS = 86_400_000
MOST_DAYS = 36_600


class AddUser(Struct, frozen=True, tag=True):
    """A new account; "" as role: the one that newcomers get."""

    name: str
    password: str
    role: str = ""


class SetPassword(Struct, frozen=True, tag=True):
    """Another password; every way the user is signed in ends."""

    name: str
    password: str


class SetRoles(Struct, frozen=True, tag=True):
    """Other roles, at once in open sessions too."""

    name: str
    roles: tuple[str, ...]


class ListUsers(Struct, frozen=True, tag=True):
    """Every account."""


class CreateToken(Struct, frozen=True, tag=True):
    """A personal token, with only these flags (None: all of its user's), for so many days (0: for good)."""

    name: str
    reason: str
    flags: tuple[str, ...] | None = None
    days: float = 0


class RevokeToken(Struct, frozen=True, tag=True):
    """End a token by its id."""

    id: str


class ListTokens(Struct, frozen=True, tag=True):
    """The tokens of a user, or ("") of everybody."""

    name: str = ""


Command = AddUser | SetPassword | SetRoles | ListUsers | CreateToken | RevokeToken | ListTokens


class Told(Struct, frozen=True):
    """What came of it: lines to print, remarks beside them; or a `refusal`."""

    lines: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    refusal: str = ""


async def carry_out(command: Command, accounts: Accounts) -> Told:
    """Do it through the same rules as a call over the network. A refusal is told, not raised."""
    try:
        return await _do(command, accounts)
    except HubError as refused:
        return Told(refusal=refused.text)


async def _do(command: Command, accounts: Accounts) -> Told:
    governing = accounts.governing
    match command:
        case AddUser(name, password, role):
            role = role or accounts.settings.new_user_role
            kept = await governing.add_user(SHELL, name, password, role)
            return Told(remarks=(f"Added the user {kept} as {role}.",))
        case SetPassword(name, password):
            await governing.set_password(SHELL, name, password)
            return Told(remarks=("The password is set; everything that was signed in has ended.",))
        case SetRoles(name, roles):
            await governing.change_settings(SHELL, name, {"roles": list(roles)})
            return Told(remarks=(f"{governing.known(name)} now has: {', '.join(roles) or 'no role'}.",))
        case ListUsers():
            return Told(await _users(accounts))
        case CreateToken():
            return await _create(command, accounts)
        case RevokeToken(token_id):
            row = accounts.tokens.get(token_id)
            if row is None:
                raise BadInput("There is no token of that id; `token list` shows them.", field="id")
            await accounts.tokens.revoke(row.user, row.id)
            return Told(remarks=(f"Revoked; the sessions it made for {row.user} have ended.",))
        case ListTokens(name):
            return Told(await _tokens(accounts, governing.known(name) if name else ""))


async def _create(command: CreateToken, accounts: Accounts) -> Told:
    user = accounts.governing.known(command.name)
    unknown = [flag for flag in command.flags or () if flag not in FLAGS]
    if unknown:
        raise BadInput(f"There is no permission '{unknown[0][:80]}'.", field="flags")
    if command.flags == () or not command.reason.strip():
        raise BadInput(
            "A token needs a reason, and at least one permission where some are named.", field="flags"
        )
    if not 0 <= command.days <= MOST_DAYS:
        raise BadInput(
            f"A token lasts 0 (for good) to {MOST_DAYS} days, not {command.days:g}.",
            field="days",
            limit=[0, MOST_DAYS],
        )
    tokens = accounts.tokens
    expires = tokens.now() + round(command.days * DAY_MS) if command.days else 0
    text = await tokens.create(
        user,
        command.reason.strip()[:500],
        address="the shell",
        user_agent=command.reason.strip(),
        flags=command.flags,
        expires=expires,
    )
    until = f" until {_when(expires)}" if expires else ""
    return Told((text,), (f"A token of {user}{until}. It is shown this once: keep it like a password.",))


async def _users(accounts: Accounts) -> tuple[str, ...]:
    rows = [("name", "roles", "password", "last active (UTC)")]
    for name in await accounts.users.names():
        row = accounts.users.get(name)
        if row is not None:
            roles = ",".join(row.roles) or "-"
            password = "yes" if row.password else "no"
            rows.append((name, roles, password, _when(accounts.users.last_active(name))))
    return _table(rows)


async def _tokens(accounts: Accounts, user: str) -> tuple[str, ...]:
    rows = [("id", "user", "reason", "permissions", "expires (UTC)", "last used (UTC)")]
    for name in [user] if user else await accounts.users.names():
        for row in accounts.tokens.of_user(name):
            flags = "all" if row.flags is None else ",".join(row.flags)
            used = _when(accounts.tokens.last_active(row))
            rows.append((row.id, row.user, row.reason, flags, _end(row, accounts), used))
    return _table(rows)


def _end(row: TokenRow, accounts: Accounts) -> str:
    if not row.expires:
        return "never"
    return _when(row.expires) + (" (over)" if accounts.tokens.is_over(row) else "")


def _when(ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(ms / 1000)) if ms else "never"


def _table(rows: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Columns as wide as their widest; letters that would steer a terminal are shown as ?."""
    clean = [[_plain(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in clean) for column in range(len(rows[0]))]
    return tuple(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in clean
    )


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]

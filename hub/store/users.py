"""Rows of accounts, and the small texts kept for each."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from hub.store.identities import LINK
from hub.store.models import UserTable
from hub.store.opening import Reader
from hub.store.writer import Op, Writer, together

_COLUMNS = "name, password, password_by_admin, roles, settings, created, last_active, oauth_email"
_ADD = f"INSERT INTO users ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?)"  # noqa: S608


class UserRow(Struct, frozen=True):
    """One account: `password` its bcrypt text ("" for none), `roles` by name, `settings` dotted key to
    what the user chose; times in unix milliseconds; `oauth_email` the address by which an OpenID issuer may
    sign the user in, lower case, "" for none."""

    name: str
    password: str = ""
    password_by_admin: bool = False
    roles: tuple[str, ...] = ()
    settings: Mapping[str, Any] = {}
    created: int = 0
    last_active: int = 0
    oauth_email: str = ""


class Users:
    """Functions of the users table."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader

    def add(self, row: UserRow, identity: tuple[str, str] | None = None) -> asyncio.Future[int]:
        """Write a new account, with whom an OpenID issuer knows as its user (issuer, subject); raises
        sqlite3.IntegrityError when the name or the identity is taken, and then nothing is written."""
        values = (
            row.name,
            row.password,
            row.password_by_admin,
            json.dumps(list(row.roles)),
            json.dumps(dict(row.settings)),
            row.created,
            row.last_active,
            row.oauth_email,
        )
        steps: list[Op] = [lambda db: db.execute(_ADD, values).rowcount]
        if identity is not None:
            linked = (*identity, row.name, row.created)
            steps.insert(0, lambda db: db.execute(LINK, linked))
        return self._writer.write(together(*steps))

    def by_name(self, name: str) -> UserRow | None:
        """The account, or None."""
        row = self._writer.one(f"SELECT {_COLUMNS} FROM users WHERE name = ?", (name,))  # noqa: S608
        return None if row is None else _row(row)

    async def names(self) -> list[str]:
        """Every account's name, in order."""
        with self._reader.queries() as db:
            names = await UserTable.all().using_db(db).order_by("name").values_list("name", flat=True)
        return [str(name) for name in names]

    def set_password(self, name: str, password: str, *, by_admin: bool = False) -> asyncio.Future[int]:
        """Replace the password's bcrypt text."""
        return self._writer.execute(
            "UPDATE users SET password = ?, password_by_admin = ? WHERE name = ?", (password, by_admin, name)
        )

    def set_roles(self, name: str, roles: tuple[str, ...]) -> asyncio.Future[int]:
        """Replace the roles."""
        return self._writer.execute(
            "UPDATE users SET roles = ? WHERE name = ?", (json.dumps(list(roles)), name)
        )

    def set_settings(self, name: str, settings: Mapping[str, Any]) -> asyncio.Future[int]:
        """Replace what the user chose."""
        return self._writer.execute(
            "UPDATE users SET settings = ? WHERE name = ?", (json.dumps(dict(settings)), name)
        )

    def touch(self, times: Mapping[str, int]) -> asyncio.Future[int]:
        """Write last-active times by name."""
        rows = [(when, name) for name, when in times.items()]
        return self._writer.write(
            lambda db: db.executemany("UPDATE users SET last_active = ? WHERE name = ?", rows).rowcount
        )

    def set_oauth_email(self, name: str, email: str) -> asyncio.Future[int]:
        """Replace the address an OpenID issuer may sign the user in by."""
        return self._writer.execute("UPDATE users SET oauth_email = ? WHERE name = ?", (email, name))

    def by_oauth_email(self, email: str) -> list[str]:
        """The names of accounts with this address."""
        return [row[0] for row in self._writer.many("SELECT name FROM users WHERE oauth_email = ?", (email,))]

    def able_to_sign_in(self) -> list[tuple[str, tuple[str, ...]]]:
        """Name and roles of every account with a password or an OpenID identity."""
        sql = (
            "SELECT name, roles FROM users WHERE password != '' "
            'OR EXISTS (SELECT 1 FROM identities WHERE "user" = name)'
        )
        return [(name, tuple(json.loads(roles))) for name, roles in self._writer.many(sql)]


class UserData:
    """Small texts by (user, kind, name). The user "" is the server itself."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def get(self, user: str, kind: str, name: str = "") -> str | None:
        """The text, or None."""
        found = self.entry(user, kind, name)
        return None if found is None else found[0]

    def entry(self, user: str, kind: str, name: str = "") -> tuple[str, int] | None:
        """The text and when it was written (unix milliseconds), or None."""
        row = self._writer.one(
            'SELECT text, updated FROM user_data WHERE "user" = ? AND kind = ? AND name = ?',
            (user, kind, name),
        )
        return None if row is None else (row[0], row[1])

    def all(self, user: str, kind: str) -> dict[str, str]:
        """Every text of a kind by name."""
        return dict(
            self._writer.many('SELECT name, text FROM user_data WHERE "user" = ? AND kind = ?', (user, kind))
        )

    def of_kind(self, kind: str) -> dict[str, str]:
        """The text of a kind of every user who has one, by user."""
        return dict(
            self._writer.many("SELECT \"user\", text FROM user_data WHERE kind = ? AND name = ''", (kind,))
        )

    def put(self, user: str, kind: str, text: str, name: str = "") -> asyncio.Future[int]:
        """Write or replace a text."""
        return self._writer.execute(
            'INSERT INTO user_data ("user", kind, name, text, updated) VALUES (?,?,?,?,?) '
            'ON CONFLICT ("user", kind, name) DO UPDATE SET text = excluded.text, updated = excluded.updated',
            (user, kind, name, text, time.time_ns() // 1_000_000),
        )

    def delete(self, user: str, kind: str, name: str = "") -> asyncio.Future[int]:
        """Remove a text; 1 when there was one."""
        return self._writer.execute(
            'DELETE FROM user_data WHERE "user" = ? AND kind = ? AND name = ?', (user, kind, name)
        )


def _row(values: tuple[Any, ...]) -> UserRow:
    name, password, by_admin, roles, settings, created, last_active, email = values
    return UserRow(
        name,
        password,
        bool(by_admin),
        tuple(json.loads(roles)),
        json.loads(settings),
        created,
        last_active,
        email,
    )

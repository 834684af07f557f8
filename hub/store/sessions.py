"""Rows of sessions and tokens. Neither table holds anything one could sign in with."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from hub.store.writer import Writer

_SESSION = '"digest", "user", token, created, last_used, address, user_agent'
_LOGIN = 'id, "user", "digest", reason, created, last_active, address, user_agent, flags, expires'


class SessionRow(Struct, frozen=True):
    """One session: `digest` is the SHA-256 of its id in hex, `token` the id of the token that made it ("" for
    none); times in unix milliseconds; `address` and `user_agent` of the client that asked for it."""

    digest: str
    user: str
    token: str = ""
    created: int = 0
    last_used: int = 0
    address: str = ""
    user_agent: str = ""


class TokenRow(Struct, frozen=True):
    """One sign-in or personal token: `digest` is the SHA-256 of its secret in hex, `reason` its use. `flags`
    are the only ones it has, None for all of its user's; `expires` in unix milliseconds, 0 for never."""

    id: str
    user: str
    digest: str
    reason: str = ""
    created: int = 0
    last_active: int = 0
    address: str = ""
    user_agent: str = ""
    flags: tuple[str, ...] | None = None
    expires: int = 0


class SessionRows:
    """Functions of the sessions table; the room hub.accounts keeps the live ones in memory."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def add(self, row: SessionRow) -> asyncio.Future[int]:
        """Write a new session."""
        values = astuple(row)
        return self._writer.execute(f"INSERT INTO sessions ({_SESSION}) VALUES (?,?,?,?,?,?,?)", values)  # noqa: S608

    def all(self) -> list[SessionRow]:
        """Every session (at start)."""
        return [SessionRow(*row) for row in self._writer.many(f"SELECT {_SESSION} FROM sessions")]  # noqa: S608

    def touch(self, times: Mapping[str, tuple[int, int]]) -> asyncio.Future[int]:
        """Write last-used times and those of their making by digest; both move when the clock is set."""
        rows = [(used, created, digest) for digest, (used, created) in times.items()]
        update = 'UPDATE sessions SET last_used = ?, created = ? WHERE "digest" = ?'
        return self._writer.write(lambda db: db.executemany(update, rows).rowcount)

    def delete(self, digests: list[str]) -> asyncio.Future[int]:
        """Remove sessions."""
        rows = [(digest,) for digest in digests]
        return self._writer.write(
            lambda db: db.executemany('DELETE FROM sessions WHERE "digest" = ?', rows).rowcount
        )


class TokenRows:
    """Functions of the tokens table."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def add(self, row: TokenRow) -> asyncio.Future[int]:
        """Write a new token."""
        flags = "" if row.flags is None else json.dumps(list(row.flags))
        values = (*astuple(row)[:-2], flags, row.expires)
        return self._writer.execute(f"INSERT INTO tokens ({_LOGIN}) VALUES (?,?,?,?,?,?,?,?,?,?)", values)  # noqa: S608

    def all(self) -> list[TokenRow]:
        """Every token (at start)."""
        return [_token(row) for row in self._writer.many(f"SELECT {_LOGIN} FROM tokens")]  # noqa: S608

    def touch(self, times: Mapping[str, int]) -> asyncio.Future[int]:
        """Write last-active times by id."""
        rows = [(when, token) for token, when in times.items()]
        return self._writer.write(
            lambda db: db.executemany("UPDATE tokens SET last_active = ? WHERE id = ?", rows).rowcount
        )

    def delete(self, token: str) -> asyncio.Future[int]:
        """Remove a token; 1 when there was one."""
        return self._writer.execute("DELETE FROM tokens WHERE id = ?", (token,))


def _token(values: tuple[Any, ...]) -> TokenRow:
    row = TokenRow(*values[:8])
    flags = tuple(json.loads(values[8])) if values[8] else None
    return msgspec.structs.replace(row, flags=flags, expires=values[9])

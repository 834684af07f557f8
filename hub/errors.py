"""Refusals and failures as values: each knows its sentence, public id, status and what it is about."""

import errno
import sqlite3
import time
from typing import Any


class HubError(Exception):
    """A refusal in words a user can act on.

    `text` is the sentence under the key `error`; `error_id` a documented public id (swarm-api §1.3) or None;
    `status` the HTTP status (SwarmUI answers handler errors with 200); `extra` further keys of the answer:
    `field` names the offending parameter, `limit` the bound it broke, `permission` the missing flag.
    """

    def __init__(self, text: str, *, error_id: str | None = None, status: int = 200, **extra: Any) -> None:
        super().__init__(text)
        self.text = text
        self.error_id = error_id
        self.status = status
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The answer as a JSON-ready object."""
        answer: dict[str, Any] = {}
        if self.text:
            answer["error"] = self.text
        if self.error_id is not None:
            answer["error_id"] = self.error_id
        return answer | self.extra


class BadInput(HubError):
    """A parameter that cannot be used: `field` names it, `limit` says what would be accepted."""

    def __init__(self, text: str, *, field: str, limit: Any = None) -> None:
        extra: dict[str, Any] = {"field": field}
        if limit is not None:
            extra["limit"] = limit
        super().__init__(text, **extra)


class Forbidden(HubError):
    """A missing permission flag, named."""

    def __init__(self, permission: str, text: str = "You lack permissions for this route.") -> None:
        super().__init__(text, error_id="bad_permissions", status=400, permission=permission)


class DeadSession(HubError):
    """The session id is unknown, expired or revoked."""

    def __init__(self) -> None:
        super().__init__(
            "Invalid session ID. You may need to refresh the page.", error_id="invalid_session_id", status=401
        )


class ExpiredToken(HubError):
    """A token that was good once; `expired` in unix seconds."""

    def __init__(self, expired: int) -> None:
        when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(expired))
        super().__init__(
            f"This token expired at {when} UTC. Make a new one.",
            error_id="token_expired",
            status=401,
            expired=expired,
        )


class NotStored(HubError):
    """The storage does not take what was to be written; nothing of it was kept. Clients may try again."""

    def __init__(self, text: str) -> None:
        super().__init__(text, error_id="not_stored", status=503)


DISK_FULL = "The server's disk is full. Try again once its administrator has made room."
LOCKED = "Another program holds the server's database locked. Try again in a moment."
BROKEN_STORAGE = "The server's disk does not take what is written ({}). Tell its administrator."
_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
_REFUSED = frozenset({errno.EROFS, errno.EIO})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_UNUSABLE = frozenset(
    {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT}
)


def storage_trouble(problem: BaseException) -> str | None:
    """A sentence for trouble of the disk or the database that a user and an administrator can act on; None
    for any other problem."""
    if isinstance(problem, OSError):
        if problem.errno in _FULL:
            return DISK_FULL
        return BROKEN_STORAGE.format(problem.strerror) if problem.errno in _REFUSED else None
    if not isinstance(problem, sqlite3.Error):
        return None
    code = getattr(problem, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return DISK_FULL
    if code in _BUSY:
        return LOCKED
    return BROKEN_STORAGE.format(problem) if code in _UNUSABLE else None

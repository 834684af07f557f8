"""Rows of who an OpenID Connect issuer knows, and which account that is here."""

import asyncio

from hub.store.writer import Writer

LINK = 'INSERT INTO identities (issuer, subject, "user", created) VALUES (?,?,?,?)'


class Identities:
    """Functions of the identities table."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def user(self, issuer: str, subject: str) -> str | None:
        """The account of an issuer's subject, or None."""
        row = self._writer.one(
            'SELECT "user" FROM identities WHERE issuer = ? AND subject = ?', (issuer, subject)
        )
        return None if row is None else str(row[0])

    def issuers(self, user: str) -> set[str]:
        """The issuers by which a user is known."""
        return {
            row[0] for row in self._writer.many('SELECT issuer FROM identities WHERE "user" = ?', (user,))
        }

    def add(self, issuer: str, subject: str, user: str, created: int) -> asyncio.Future[int]:
        """Link a subject to an account; raises sqlite3.IntegrityError when it is linked already."""
        return self._writer.execute(LINK, (issuer, subject, user, created))

    def delete(self, user: str) -> asyncio.Future[int]:
        """Unlink an account from every issuer."""
        return self._writer.execute('DELETE FROM identities WHERE "user" = ?', (user,))

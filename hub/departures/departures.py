"""Deleting an account: at once out of every room, then from disk, and whatever a kill left at the next start.

The order makes a kill harmless at any point: (1) one transaction ends the account and leaves a row that says
so, (2) every room forgets the user, (3) the pictures leave their folder and their rows go, (4) the files go,
(5) the index of words and the database's own leftovers, and only then the row. From (1) on nobody can take
the name, so that whoever has it next meets nothing of the old one.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol
from uuid import uuid4

from hub.accounts import Accounts
from hub.errors import HubError
from hub.jobs import Jobs
from hub.media import Media
from hub.store import DepartureRow, Store

LEFT = (
    "The account is closed, but not everything of it could be deleted yet ({trouble}). "
    "The hub goes on with it at its next start."
)
_log = logging.getLogger(__name__)


class Forgetful(Protocol):
    """A room that keeps something of users while it runs."""

    async def forget(self, user: str) -> None:
        """End what the user has going and keep nothing of it; the account is gone already."""


class Departures:
    """`rooms` forget a user before the jobs do, `published` are told whose name what is shared must lose."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        media: Media,
        jobs: Jobs,
        rooms: tuple[Forgetful, ...] = (),
        published: tuple[Callable[[str], Awaitable[None]], ...] = (),
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._media = media
        self._jobs = jobs
        self._rooms = rooms
        self._published = published
        self._going: set[asyncio.Task[None]] = set()
        media.outputs.is_known = jobs.is_known = lambda user: accounts.users.get(user) is not None

    def resume(self) -> None:
        """Go on with what the last run left half-way. Before anything else is written."""
        for row in self._store.departures.resume():
            _log.info("the deletion of the account %s goes on", row.name)
            self._begin(row)

    async def depart(
        self, user: str, *, by: str, may: Callable[[str], Awaitable[None]], aside: bool = False
    ) -> None:
        """Delete an account with everything of it; `aside` keeps its pictures in a folder that only the
        machine's administrator reads. On return nothing is left.

        `may` refuses it; nobody else becomes or ceases to be an owner until this one is out. Raises HubError.
        """
        row = DepartureRow(user, uuid4().hex, aside, int(time.time() * 1000))
        await asyncio.shield(self._begin(row, self._end_account(row, by, may)))

    async def stop(self) -> None:
        """Leave the rest to the next start."""
        tasks = list(self._going)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(
        self, row: DepartureRow, first: Coroutine[Any, Any, None] | None = None
    ) -> "asyncio.Task[None]":
        """A task, so that it goes to its end whoever waits for it no longer."""

        async def leave() -> None:
            if first is not None:
                await first
            await self._leave(row)

        task = asyncio.get_running_loop().create_task(leave(), name=f"departure {row.id[:8]}")
        self._going.add(task)
        task.add_done_callback(lambda done: self._over(row, done))
        return task

    async def _end_account(self, row: DepartureRow, by: str, may: Callable[[str], Awaitable[None]]) -> None:
        async with self._accounts.governing.deciding:
            await may(row.name)
            try:
                await self._store.departures.begin(row)
            except sqlite3.IntegrityError:
                raise HubError("This account is being deleted already.", field="name") from None
            self._accounts.users.forget(row.name)
        _log.info("user %s deleted the account %s", by, row.name)

    async def _leave(self, row: DepartureRow) -> None:
        try:
            for step in self.steps(row):
                await step()
        except OSError as trouble:
            _log.error("the account %s could not be deleted whole", row.name, exc_info=trouble)
            raise HubError(LEFT.format(trouble=trouble.strerror or trouble)) from trouble
        _log.info("nothing is left of the account %s", row.name)

    def steps(self, row: DepartureRow) -> tuple[Callable[[], Awaitable[None]], ...]:
        """What is to be done once the account has ended, in order; each may be done again."""
        return (
            lambda: self._accounts.forget(row.name),
            lambda: self._forget(row.name),
            lambda: self._drop_pictures(row),
            lambda: self._store.departures.forget_jobs(row.name),
            lambda: self._drop_files(row),
            self._store.departures.forget_words,
            lambda: self._store.departures.end(row.name),
        )

    async def _forget(self, user: str) -> None:
        """Stop and forget what the rooms have of the user in memory."""
        for room in self._rooms:
            await room.forget(user)
        await self._jobs.forget(user)
        for disown in self._published:
            await disown(user)

    async def _drop_pictures(self, row: DepartureRow) -> None:
        """Out of the folder first: what a kill leaves behind it is found by the rows."""
        leaving = self._media.leaving(row.name, row.id, aside=row.aside)
        await asyncio.to_thread(leaving.move_folder)
        await self._media.forget(row.name)
        while pictures := self._store.departures.pictures(row.name):
            await asyncio.to_thread(leaving.take, [picture.path for picture in pictures])
            await self._store.departures.forget_pictures(pictures)

    async def _drop_files(self, row: DepartureRow) -> None:
        leaving = self._media.leaving(row.name, row.id, aside=row.aside)
        await asyncio.to_thread(leaving.move_folder)  # once more: a star may just have been copied
        await asyncio.to_thread(leaving.finish)

    def _over(self, row: DepartureRow, done: "asyncio.Task[None]") -> None:
        self._going.discard(done)
        if not done.cancelled() and (trouble := done.exception()) and not isinstance(trouble, HubError):
            _log.error("deleting the account %s broke", row.name, exc_info=trouble)

"""What is accepted as a whole and becomes jobs one after the other: written down before its first job, so
that a restart goes on with the jobs that are still to come.

The id of each job follows from its run and its place there. So a run that is taken up again knows which of
its jobs were accepted already, and none comes twice.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Coroutine
from hashlib import sha256
from typing import Any
from uuid import uuid4

from msgspec import Struct

from hub.accounts import Accounts, Caller
from hub.errors import DeadSession, HubError, storage_trouble
from hub.jobs.active import Name, badge
from hub.store import RunRow, Store

_log = logging.getLogger(__name__)


class Run(Struct, frozen=True):
    """One run. `sender` is what its jobs know its session by; `again` tells that an earlier process began
    it."""

    id: str
    sender: str
    again: bool = False

    def name(self, place: int) -> Name:
        """What the job at a place is called."""
        return Name(sha256(f"{self.id}:{place}".encode()).hexdigest()[:32], self.sender, self.again)


Go = Callable[[Run, Caller], Coroutine[Any, Any, None]]


class Runs:
    """The runs of one kind, each a task that goes on when nobody waits for it any more."""

    def __init__(self, store: Store, accounts: Accounts, kind: str) -> None:
        self._store = store
        self._accounts = accounts
        self._kind = kind
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._of_user: dict[str, set[str]] = {}

    async def begin(self, caller: Caller, plan: bytes, go: Go) -> None:
        """Write a run down, then let it go to its end. Raises what it raises."""
        run = Run(uuid4().hex, badge(caller.session))
        row = RunRow(run.id, caller.user, run.sender, self._kind, int(time.time() * 1000), plan)
        task = self._start(run, caller, go, row)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and self._accounts.users.get(caller.user) is None:
                raise DeadSession from None
            raise

    def resume(self, take: Callable[[RunRow], Go]) -> None:
        """Go on with what an earlier process left. `take` reads a plan, and raises ValueError for one that
        cannot be read any more."""
        for row in self._store.runs.of_kind(self._kind):
            caller = self._caller(row.user)
            try:
                go = take(row)
            except (ValueError, HubError) as trouble:
                _log.warning("A %s of %s cannot be gone on with: %s", self._kind, row.user, trouble)
                caller = None
            if caller is None:
                self._store.runs.delete(row.id)
            else:
                self._start(Run(row.id, row.session, again=True), caller, go)

    async def stop(self) -> None:
        """Begin nothing further; all of it goes on at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def forget(self, user: str) -> None:
        """End what a user has going whose account is gone."""
        tasks = [self._tasks[run] for run in self._of_user.get(user, ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def busy(self) -> bool:
        """Whether something of this kind goes on."""
        return bool(self._tasks)

    def _start(self, run: Run, caller: Caller, go: Go, row: RunRow | None = None) -> "asyncio.Task[None]":
        async def whole() -> None:
            if row is not None:
                await self._keep(row)
            await go(run, caller)

        task = asyncio.get_running_loop().create_task(whole(), name=f"{self._kind} {run.id[:8]}")
        self._tasks[run.id] = task
        self._of_user.setdefault(caller.user, set()).add(run.id)
        task.add_done_callback(lambda done: self._ended(run, caller, done))
        return task

    async def _keep(self, row: RunRow) -> None:
        try:
            await self._store.runs.add(row)
        except sqlite3.Error as trouble:
            _log.exception("A %s of %s could not be written", self._kind, row.user)
            words = storage_trouble(trouble) or "Its log says why."
            raise HubError(f"The request could not be stored, so it was not started. {words}") from trouble

    def _ended(self, run: Run, caller: Caller, done: "asyncio.Task[None]") -> None:
        del self._tasks[run.id]
        mine = self._of_user[caller.user]
        mine.discard(run.id)
        if not mine:
            del self._of_user[caller.user]
        if done.cancelled():  # the hub stops
            return
        self._store.runs.delete(run.id)
        if (trouble := done.exception()) and not isinstance(trouble, HubError):
            _log.error("A %s of %s broke", self._kind, caller.user, exc_info=trouble)

    def _caller(self, user: str) -> Caller | None:
        """A user as the roles have him now; None when there is no such account any more."""
        if self._accounts.users.get(user) is None:
            return None
        flags, limits = self._accounts.users.grants(user)
        return Caller(user, "", flags, limits)

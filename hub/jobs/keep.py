"""Accepted jobs to and from the store, so that a restart loses none and makes no finished image twice."""

import asyncio
import logging

import msgspec
from msgspec import Struct

from hub.media import Media
from hub.params.request import GenRequest
from hub.store import JobRow, Store

_log = logging.getLogger(__name__)
UNREADABLE = (
    "The request was accepted by an older version of the hub and cannot be read any more. Send it again."
)


class Kept(Struct, frozen=True):
    """What a job needs besides its row to go on after a restart: the request and the limits of its sender."""

    request: GenRequest
    simultaneous: int = 32
    depth: int = 5
    unsafe: bool = False
    count: int = 1


class Resumed(Struct, frozen=True):
    """An unfinished job found at the start; `done` are the indices of images that are on disk."""

    row: JobRow
    kept: Kept
    done: frozenset[int]


class Keep:
    """The jobs room's way to the store."""

    def __init__(self, store: Store, media: Media) -> None:
        self._store = store
        self._media = media
        self._last_numbers: dict[str, int] = {}
        self._counts: dict[str, tuple[int, int]] = {}
        self._decoder = msgspec.msgpack.Decoder(Kept)

    def next_number(self, user: str) -> int:
        """The user's next request number, counting from 1001 over all restarts."""
        last = self._last_numbers.get(user)
        if last is None:
            last = self._store.jobs.last_request_id(user)
        self._last_numbers[user] = last + 1
        return last + 1

    def next_count(self, user: str, minute: int) -> int:
        """How many requests of the user this minute had, with this one; names of files count by it."""
        last_minute, count = self._counts.get(user, (minute, 0))
        count = count + 1 if last_minute == minute else 1
        self._counts[user] = (minute, count)
        return count

    def accept(self, row: JobRow, kept: Kept) -> asyncio.Future[int]:
        """Hand a new job to the store; durable once the future is done."""
        return self._store.jobs.accept(msgspec.structs.replace(row, request=msgspec.msgpack.encode(kept)))

    def finish(self, job: str, state: str, error: str, finished: int) -> None:
        """Write a job's end. A crash before it is committed is harmless: the next start finds it all done."""
        future = self._store.jobs.finish(job, state, error, finished)
        future.add_done_callback(lambda done: _report(job, done))

    async def unfinished(self, now: int) -> list[Resumed]:
        """What a restart goes on with, oldest first; what cannot be read any more is closed with a reason."""
        found = []
        for row in self._store.jobs.unfinished():
            try:
                kept = self._decoder.decode(row.request or b"")
            except msgspec.MsgspecError:
                self.finish(row.id, "failed", UNREADABLE, now)
                continue
            found.append(Resumed(row, kept, await self._media.present(row.id)))
        return found


def _report(job: str, done: "asyncio.Future[int]") -> None:
    if not done.cancelled() and done.exception() is not None:
        _log.error("The end of job %s could not be written: %s", job, done.exception())

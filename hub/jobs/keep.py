"""Accepted jobs to and from the store, so that a restart loses none and makes no finished image twice."""

import asyncio
import logging
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence

import msgspec
from msgspec import Struct

from backends.contract import ModelRef
from hub.jobs.ends import End, read, write
from hub.jobs.owed import Owed, Written
from hub.media import Media
from hub.params.request import GenRequest
from hub.store import ImageRow, JobRow, JobsAsked, Store

_log = logging.getLogger(__name__)
UNREADABLE = (
    "The request was accepted by an older version of the hub and cannot be read any more. Send it again."
)


class Kept(Struct, frozen=True):
    """What a job needs besides its row to go on after a restart: the request and the limits of its sender.
    `only` are the pictures of the request that it draws, when not all; `at_once` how many of all the sender's
    images may be drawn at once, 0 for any number. With `checked` its pictures are looked at before anybody
    gets them."""

    request: GenRequest
    simultaneous: int = 32
    depth: int = 5
    unsafe: bool = False
    count: int = 1
    at_once: int = 0
    only: tuple[int, ...] = ()
    checked: bool = False


class _Prompt(Struct, frozen=True):
    prompt: str
    model: ModelRef


class _Asked(Struct, frozen=True):
    """Only what a list shows of a stored request."""

    request: _Prompt


_LIGHT = msgspec.msgpack.encode(_Asked(_Prompt("", ModelRef("", ""))))[:1]
"""How a request begins of which only that is kept: it is a map of one."""


def _lightened(request: bytes) -> bytes | None:
    """A stored request without what only drawing needs. Runs where it is written."""
    try:
        return msgspec.msgpack.encode(msgspec.msgpack.decode(request, type=_Asked))
    except msgspec.MsgspecError:
        return None


def has_words(prompt: str, words: str) -> bool:
    """Whether a prompt has all the words, in any order and letter case."""
    prompt = prompt.lower()
    return all(word in prompt for word in words.lower().split())


class Resumed(Struct, frozen=True):
    """An unfinished job found at the start; `done` are the indices of images that are on disk, `gone` those
    that ended without a picture."""

    row: JobRow
    kept: Kept
    done: frozenset[int]
    gone: Mapping[int, End]


class Keep:
    """The jobs room's way to the store."""

    def __init__(self, store: Store, media: Media) -> None:
        self._store = store
        self._media = media
        self._last_numbers: dict[str, int] = {}
        self._counts: dict[str, tuple[int, int]] = {}
        self._last: Written | None = None
        self._owed = Owed()
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

    def forget_user(self, user: str) -> None:
        """Count anew for whoever has this name next."""
        self._last_numbers.pop(user, None)
        self._counts.pop(user, None)

    def accept(self, row: JobRow, kept: Kept) -> asyncio.Future[int]:
        """Hand a new job to the store; durable once the future is done."""
        return self._store.jobs.accept(msgspec.structs.replace(row, request=msgspec.msgpack.encode(kept)))

    def finish(self, job: str, state: str, error: str, finished: int, made: int) -> Written:
        """Write a job's end. A crash before it is committed is harmless: the next start finds it all done."""
        return self._write(
            ("end of", job), lambda: self._store.jobs.finish(job, state, error, finished, made)
        )

    def note(self, job: str, images: Collection[int], end: End) -> Written:
        """Write that images of a job end without a picture, which the next start will know."""
        line = write(images, end)
        return self._write(("images of", job, line), lambda: self._store.jobs.note(job, line))

    def arrange(self, places: Sequence[tuple[int, int, str]]) -> None:
        """Write (priority, place, job) of several jobs."""
        self._write(("order of", *(job for _, _, job in places)), lambda: self._store.jobs.arrange(places))

    async def settled(self) -> None:
        """Wait until what was handed over up to now is committed."""
        if self._last is not None:
            await asyncio.wait([self._last])

    def keep_text(self, name: str, text: str) -> None:
        """Write a small text of the whole queue."""
        self._write(name, lambda: self._store.user_data.put("", name, text))

    def text(self, name: str) -> str:
        """A small text of the whole queue, "" when there is none."""
        return self._store.user_data.get("", name) or ""

    def row(self, job: str, user: str | None) -> JobRow | None:
        """A job of a user (None: of anybody), however old."""
        row = self._store.jobs.by_id(job)
        return row if row is not None and user in (None, row.user) else None

    async def find(self, asked: JobsAsked) -> list[tuple[JobRow, list[ImageRow]]]:
        """Jobs that have ended, newest first, with their saved pictures."""
        return await self._store.jobs.find(asked, lambda request: self._has(request, asked.words))

    def _has(self, request: bytes, words: str) -> bool:
        """Whether the prompt of a stored request has all the words. Runs on a reading thread."""
        try:
            return has_words(msgspec.msgpack.decode(request, type=_Asked).request.prompt, words)
        except msgspec.MsgspecError:
            return False

    def images(self, job: str) -> list[ImageRow]:
        """The saved pictures of a job."""
        return self._store.images.of_job(job)

    def url(self, row: ImageRow) -> str:
        """The address of a saved picture."""
        return self._media.outputs.url(row.user, row.path)

    def shown(self, row: JobRow) -> tuple[str, str]:
        """The prompt and the model of a job without pictures, "" where its request is no longer kept."""
        try:
            asked = msgspec.msgpack.decode(row.request or b"", type=_Asked).request
        except msgspec.MsgspecError:
            return "", ""
        return asked.prompt, asked.model.name

    def day(self, user: str, since: float) -> list[tuple[float, int, str]]:
        """What a user had accepted since a time (unix seconds), for the limit of a day."""
        rows = self._store.jobs.accepted_since(user, int(since * 1000))
        return [(created / 1000, images, job) for created, images, job in rows]

    def stored(self, user: str) -> tuple[int, int]:
        """How many pictures a user keeps, and their bytes."""
        return self._store.totals.of(user)

    def forget(self, before: float) -> None:
        """Let go of requests that were not tried again, but for what a list shows and finds of those that
        made no picture."""
        rows = self._store.jobs
        self._write("old ones", lambda: rows.forget_requests(int(before * 1000), _LIGHT, _lightened))

    def kept(self, row: JobRow) -> Kept | None:
        """The request of a job that may be tried again."""
        try:
            return self._decoder.decode(row.request or b"")
        except msgspec.MsgspecError:
            return None

    async def unfinished(self, now: int) -> list[Resumed]:
        """What a restart goes on with, oldest first; what cannot be read any more is closed with a reason."""
        found = []
        for row in self._store.jobs.unfinished():
            kept = self.kept(row)
            done = await self._media.present(row.id)
            if kept is None:
                self.finish(row.id, "failed", UNREADABLE, now, len(done))
                continue
            found.append(Resumed(row, kept, done, read(row.ends)))
        return found

    async def close(self) -> None:
        """Write what the storage did not take until now."""
        await self._owed.close()

    def _write(self, key: Hashable, write: Callable[[], Written]) -> Written:
        self._last = written = self._owed.hand_over(key, write)
        return written

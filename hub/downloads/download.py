"""One download from its first request to the finished file. It has a life of its own: sockets only watch."""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct

from hub.catalog import BadHeader, NewPlace, check_start, check_whole
from hub.downloads.part import Origin, Part
from hub.downloads.sites import Facts, Sites, told
from hub.downloads.source import Source
from hub.errors import HubError
from hub.outside import Answer, Unreachable

TRIES = 6
"""Tries in a row that bring nothing before a download is given up."""
PAUSE_SECONDS = 1.0
"""Before the second try; doubled for each further one."""
LONGEST_PAUSE = 30.0
BLOCK = 1 << 20
"""Bytes handed to the disk at once."""
TOLD_SECONDS = 0.2
DISK_EVERY = 64 << 20
"""The free disk is looked at again after so many bytes."""

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_log = logging.getLogger("hub.downloads")


class Progress(Struct, frozen=True):
    """How far a download is: `state` waiting, asking, downloading or checking; bytes and bytes a second;
    what is known of the file ("" and None: not told)."""

    state: str
    name: str
    received: int = 0
    size: int | None = None
    per_second: float = 0.0
    sha256: str = ""
    license: str = ""


Result = TypeVar("Result")
Tell = Callable[[Progress], None]


class Download:
    """Fetches one file to its `place`; `free` bytes of disk are left. `tell` hears the progress."""

    def __init__(self, url: str, user: str, place: NewPlace, *, sites: Sites, free: int, tell: Tell) -> None:
        self.url = url
        self.user = user
        self.name = place.name
        self._sites = sites
        self._root = place.root
        self._free = free
        self._tell = tell
        self._part = Part(place.path)
        self._origin: Origin | None = None
        self._told = 0.0
        self._mark = (0.0, 0)
        self.progress = Progress("waiting", place.name)

    async def run(self, source: Source) -> str:
        """Fetch it whole, check it, give it its name; its SHA-256 comes back.

        Raises HubError. What broke off is left as a part to go on with, what was refused leaves nothing.
        """
        keep = False
        try:
            self._say("asking")
            await self._fetch(await self._ask(source))
            self._say("checking")
            await _in_thread(self._check)
            await _in_thread(self._finish)
            keep = True
            return self.progress.sha256
        except (Unreachable, asyncio.CancelledError):
            keep = True
            raise
        except OSError as trouble:
            keep = True
            raise HubError(f"The file could not be written: {trouble.strerror or trouble}.") from trouble
        finally:
            self._part.close()
            if not keep:
                self._part.discard(self._root)

    def discard(self) -> None:
        """Leave nothing of it; for one that was cancelled by its user."""
        self._part.discard(self._root)

    async def _ask(self, source: Source) -> Facts:
        for left in reversed(range(TRIES)):
            try:
                return await self._sites.facts(source, self.user)
            except Unreachable:
                if not left:
                    raise
                await self._pause(TRIES - left)
        raise AssertionError("the last try returns or raises")

    async def _fetch(self, facts: Facts) -> None:
        origin = await _in_thread(self._part.resume, self.url)
        failures = 0
        while True:
            before = self._part.length
            try:
                await self._transfer(facts, origin)
                return
            except Unreachable as broken:
                failures = 1 if self._part.length > before else failures + 1
                if failures >= TRIES:
                    raise
                _log.info("the download of %s goes on after a break: %s", self.name, broken)
            await _in_thread(self._part.flush)
            await self._pause(failures)
            origin = self._origin

    async def _transfer(self, facts: Facts, origin: Origin | None) -> None:
        """One request: all of the file, or what is missing of it."""
        self._origin = origin
        headers = _resuming(origin, self._part.length) if origin is not None else {}
        place = facts.place
        key = self._sites.key(self.user, place)
        async with self._sites.outside.get(place, headers=headers, key=key) as answer:
            if not await self._take_up(answer, facts, origin):
                return
            self._mark = (time.monotonic(), self._part.length)
            self._say("downloading")
            block = bytearray()
            async for chunk in answer.chunks():
                block += chunk
                if len(block) >= BLOCK:
                    await self._write(bytes(block))
                    block.clear()
            await self._write(bytes(block))
        size = self.progress.size
        if size is not None and self._part.length < size:
            raise Unreachable(f"{place.host} broke off: {self._part.length} of {size} bytes came.")

    async def _take_up(self, answer: Answer, facts: Facts, origin: Origin | None) -> bool:
        """Get ready for the body that follows; False when everything is there already."""
        have = self._part.length
        if answer.status == 416 and origin is not None:
            if have and have == origin.size:
                self._learn(facts, origin.size, origin.sha256)
                return False
            self._part.length = 0
            self._origin = None
            raise Unreachable("what was there does not fit the file any more")
        whole = answer.status == 200
        match = _RANGE.fullmatch(answer.headers.get("content-range", ""))
        if not whole and (answer.status != 206 or match is None or int(match[1]) != have):
            if answer.status >= 500 or answer.status == 429:
                raise Unreachable(told(answer.status, answer.place.host))
            raise HubError(told(answer.status, answer.place.host), field="url")
        size = _size(answer, match)
        digest = facts.sha256 or _linked(answer)
        self._learn(facts, size, digest)
        if whole:
            self._origin = Origin(self.url, _strong(answer.headers.get("etag", "")), size, digest)
            await _in_thread(self._part.begin, self._origin)
        await _in_thread(self._check_disk)
        return True

    def _learn(self, facts: Facts, size: int | None, digest: str) -> None:
        self.progress = Progress(
            "asking", self.name, self._part.length, size, sha256=digest, license=facts.license
        )

    async def _write(self, data: bytes) -> None:
        size, before = self.progress.size, self._part.length
        if size is not None and before + len(data) > size:
            raise HubError(f"More than the announced {size} bytes came; the file is not kept.", field="url")
        await _in_thread(self._part.write, data)
        if before < BLOCK:
            try:
                check_start(await _in_thread(self._part.start))
            except BadHeader as wrong:
                raise _no_model(wrong) from wrong
        if before // DISK_EVERY != self._part.length // DISK_EVERY:
            await _in_thread(self._check_disk)
        self._say("downloading")

    def _check_disk(self) -> None:
        missing = (self.progress.size or self._part.length) - self._part.length
        free = self._part.free_bytes()
        if free - missing < self._free:
            raise HubError(
                f"There is not enough disk: {missing} bytes are to come, {free} are free, and "
                f"{self._free} must stay free (setting downloads.leave_free_gib).",
                field="url",
                limit=max(0, free - self._free),
            )

    def _check(self) -> None:
        self._part.flush()
        found, wanted = self._part.sha256(), self.progress.sha256
        if wanted and found != wanted:
            raise HubError(
                f"What came is not what was announced: its SHA-256 is {found} and not {wanted}. Nothing was "
                "kept; try again.",
                field="url",
            )
        try:
            check_whole(self._part.path)
        except BadHeader as wrong:
            raise _no_model(wrong) from wrong
        self.progress = Progress(
            "checking", self.name, self._part.length, self._part.length, 0.0, found, self.progress.license
        )

    def _finish(self) -> None:
        try:
            self._part.finish()
        except FileExistsError:
            raise HubError(
                "A model of that name was added meanwhile; nothing was kept.", field="name"
            ) from None

    async def _pause(self, failures: int) -> None:
        await asyncio.sleep(min(LONGEST_PAUSE, PAUSE_SECONDS * 2 ** (failures - 1)))

    def _say(self, state: str) -> None:
        """Tell how far it is: at once when the state changes, else a few times a second."""
        now, was = time.monotonic(), self.progress
        if state == was.state and now - self._told < TOLD_SECONDS:
            return
        since, before = self._mark
        rate = (self._part.length - before) / (now - since) if now - since > 0.05 else was.per_second
        if now - since > 2.0:
            self._mark = (now, self._part.length)
        self._told = now
        self.progress = Progress(
            state, self.name, self._part.length, was.size, max(0.0, rate), was.sha256, was.license
        )
        self._tell(self.progress)


async def _in_thread(work: Callable[..., Result], *given: Any) -> Result:
    """Do blocking work; a cancellation waits for its end, so that nothing writes behind our back."""
    doing = asyncio.ensure_future(asyncio.to_thread(work, *given))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise


def _resuming(origin: Origin, have: int) -> dict[str, str]:
    """Headers that ask for the rest. Without a strong validator the announced digest must prove the whole."""
    if not have:
        return {}
    asked = {"Range": f"bytes={have}-"}
    return asked | {"If-Range": origin.etag} if origin.etag else asked


def _strong(etag: str) -> str:
    return etag if etag.startswith('"') else ""


def _size(answer: Answer, part: "re.Match[str] | None") -> int | None:
    """Bytes of the whole file, None when nobody tells."""
    if part is not None:
        return int(part[3]) if part[3] != "*" else None
    length = answer.headers.get("content-length", "")
    return int(length) if length.isdecimal() else None


def _linked(answer: Answer) -> str:
    """The digest Hugging Face tells on the way to a large file; "" elsewhere."""
    told_digest = answer.said("x-linked-etag").strip('"').lower()
    return told_digest if _DIGEST.fullmatch(told_digest) else ""


def _no_model(wrong: BadHeader) -> HubError:
    return HubError(
        f"This is not a sound .safetensors file: {wrong}. Only those are taken; nothing was kept.",
        field="url",
    )

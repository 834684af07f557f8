"""A user's pictures as one zip file that is packed while it is sent: in memory are a page of rows, a piece of
a picture, and a short entry for each file that is in.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import IO

from msgspec import Struct
from zipstream import ZipStream

from hub.errors import HubError
from hub.media.archive_names import Names
from hub.media.outputs import Outputs, OutsideOutputs
from hub.store import Asked, ImageRow, Images

PIECE = 1 << 19
"""Bytes handed on at once."""

PAGE = 500
SCANNED = 100_000
"""The newest images that a search or a wish for stars looks at."""

AT_ONCE = 2
"""Archives of one user that are packed at the same time."""

NOTE = "not in here.txt"
_NAMED = 10_000  # pictures named in the note


class Chosen(Struct, frozen=True):
    """Which pictures: those of `ids`, those at `paths`, or all in `folder` ("" for everywhere) with these
    words in their prompt, a star, made from `since` to `until` (unix milliseconds, 0: any time)."""

    ids: tuple[int, ...] = ()
    paths: tuple[str, ...] = ()
    folder: str = ""
    search: str = ""
    starred: bool = False
    since: int = 0
    until: int = 0


class Archives:
    """Packs pictures."""

    def __init__(self, outputs: Outputs, images: Images) -> None:
        self._outputs = outputs
        self._images = images
        self._going: Counter[str] = Counter()

    def pack(
        self, user: str, chosen: Chosen, *, metadata: bool, demand: Callable[[], None]
    ) -> AsyncGenerator[bytes, None]:
        """The zip file, piece by piece, newest pictures first. With `metadata` what a picture tells of itself
        lies beside it. `demand` is asked before each picture and raises when the user may not go on. Raises
        HubError when too many archives of the user are being packed.
        """
        if self._going[user] >= AT_ONCE:
            raise HubError(
                f"{AT_ONCE} archives are on their way to you already. Wait for one of them, or stop it.",
                error_id="ratelimit",
                status=429,
                limit=AT_ONCE,
            )
        return self._pack(user, chosen, metadata, demand)

    async def _pack(
        self, user: str, chosen: Chosen, metadata: bool, demand: Callable[[], None]
    ) -> AsyncGenerator[bytes, None]:
        self._going[user] += 1
        try:
            packed, names, missing = ZipStream(), Names(), _Missing()
            names.take(NOTE)
            for path in chosen.paths:
                if self._images.by_path(user, path) is None:
                    missing.add(path)
            async for row in self._rows(user, chosen):
                demand()
                stream = await asyncio.to_thread(self._open, row)
                if stream is None:
                    missing.add(row.path)
                    continue
                name = names.take(row.path)
                packed.add(_pieces(stream, row.path, missing), name)
                if metadata and row.metadata:
                    packed.add(row.metadata.encode(), names.take(f"{name}.json"))
                try:
                    async for piece in _threaded(packed.all_files()):
                        yield piece
                finally:
                    stream.close()
            if missing:
                packed.add(missing.text().encode(), NOTE)
            async for piece in _threaded(packed.finalize()):
                yield piece
        finally:
            self._going[user] -= 1
            if not self._going[user]:
                del self._going[user]

    async def _rows(self, user: str, chosen: Chosen) -> AsyncIterator[ImageRow]:
        if chosen.ids or chosen.paths:
            found = [self._images.by_id(user, image) for image in chosen.ids]
            found += [self._images.by_path(user, path) for path in chosen.paths]
            for named in {row.id: row for row in found if row is not None}.values():
                yield named
            return
        after = None
        while True:
            asked = Asked(
                user,
                chosen.folder.strip("/"),
                by_date=True,
                after=after,
                most=PAGE,
                scanned=SCANNED,
                starred=chosen.starred,
                search=chosen.search,
            )
            page = await self._images.page(asked)
            for row in page.rows:
                if row.created >= chosen.since and (not chosen.until or row.created < chosen.until):
                    yield row
            after = page.after
            if after is None or (page.rows and page.rows[-1].created < chosen.since):
                return

    def _open(self, row: ImageRow) -> IO[bytes] | None:
        """The file, held open so that it can be deleted meanwhile; None when it is gone already."""
        try:
            return self._outputs.inside(row.user, row.path).open("rb")
        except (OSError, OutsideOutputs, ValueError):
            return None


class _Missing:
    """Pictures that are not in, or not whole."""

    def __init__(self) -> None:
        self._paths: list[str] = []
        self._more = 0

    def __bool__(self) -> bool:
        return bool(self._paths)

    def add(self, path: str) -> None:
        if len(self._paths) < _NAMED:
            self._paths.append(path)
        else:
            self._more += 1

    def text(self) -> str:
        more = [f"and {self._more} more"] if self._more else []
        head = "These pictures are not in this archive: they were deleted, or could not be read whole."
        return "\n".join((head, "", *self._paths, *more, ""))


def _pieces(stream: IO[bytes], path: str, missing: _Missing) -> Iterator[bytes]:
    """A file's bytes. One that cannot be read on is told in the note: the archive goes on."""
    try:
        while piece := stream.read(PIECE):
            yield piece
    except OSError:
        missing.add(path)


async def _threaded(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Pieces of a generator that reads files, run in a thread; small ones are put together."""

    def some() -> bytes:
        found = bytearray()
        with suppress(StopIteration):
            while len(found) < PIECE:
                found += next(pieces)
        return bytes(found)

    while piece := await asyncio.to_thread(some):
        yield piece

"""From the bytes an engine gives to a picture on disk and in the index, or to a data URL."""

import asyncio
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from backends.contract import Image, Work
from hub.media.describe import Times, Value, describe
from hub.media.outputs import SIDE_ENDING, Outputs, Spot
from hub.media.pattern import Occasion, fill
from hub.media.splice import Pieces, splice
from hub.media.stealth import hide
from hub.params import result_size
from hub.params.request import GenRequest
from hub.store import ImageRow, Images

ENDINGS = {"PNG": "png", "JPG": "jpg", "WEBP": "webp", "WEBP_LOSSLESS": "webp"}
MIME = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
_IN_LINE_BYTES = 1 << 20  # below this a thread costs more than the write into the page cache
_MOST_NAMES = 100
_WRITERS = 4


class NotSaved(Exception):
    """The picture could not be kept; the text says why."""


class Finished(Struct, frozen=True):
    """A picture from an engine with all that is known of it. `job` and `index` say which image it is.

    `prepare_seconds` is None for a picture that no engine has drawn. `preview` is the metadata text sent
    while it formed; `committing` is called when its row is handed to the store, so that what it hands over
    goes into the same transaction.
    """

    job: str
    index: int
    user: str
    request: GenRequest
    work: Work
    image: Image
    occasion: Occasion
    prepare_seconds: float | None
    created: int
    depth: int = 5
    unsafe: bool = False
    preview: str | None = None
    committing: Callable[[], None] | None = None


class Saved(Struct, frozen=True):
    """Where a picture is: `url` for a browser, its metadata text, `path` below the user's folder or None."""

    url: str
    metadata: str | None
    path: str | None = None


class Saver:
    """Keeps pictures: file, then row, then the final name."""

    def __init__(self, outputs: Outputs, images: Images, version: str) -> None:
        self._outputs = outputs
        self._images = images
        self._version = version
        self._threads = ThreadPoolExecutor(_WRITERS, thread_name_prefix="save")

    async def save(self, finished: Finished) -> Saved:
        """Keep a picture, or only wrap it up when its request says so. Raises NotSaved.

        On return the file and its row survive the end of this process.
        """
        metadata = self._describe(finished)
        keeping = finished.request.keeping
        data = await self._hidden(finished.image.data, metadata, keeping.stealth)
        pieces = splice(data, metadata, keeping.dpi)
        aside = pieces is None or keeping.side_text
        if pieces is None:
            pieces = [data]
        ending = ENDINGS.get(finished.image.format, "png")
        if not finished.request.save:
            return Saved(data_url(b"".join(pieces), ending), metadata)
        base = fill(
            finished.request, finished.work, finished.occasion, depth=finished.depth, unsafe=finished.unsafe
        )
        try:
            if keeping.overwrite:
                await self._make_way(finished.user, base)
            spot = await self._keep(finished, base, ending, pieces, metadata)
            if aside and metadata is not None:
                self._outputs.write_side(spot, metadata)
        except (OSError, sqlite3.Error) as error:
            raise NotSaved(getattr(error, "strerror", None) or str(error)) from error
        return Saved(self._outputs.url(finished.user, spot.path), metadata, spot.path)

    def close(self) -> None:
        """Let the writing threads end."""
        self._threads.shutdown(wait=True)

    async def _hidden(self, data: bytes, text: str | None, mode: str) -> bytes:
        if not mode or text is None:
            return data
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, hide, data, text, mode)

    def _describe(self, finished: Finished) -> str | None:
        if not finished.request.save_metadata:
            return None
        times = Times(
            finished.occasion.time.strftime("%Y-%m-%d"), finished.prepare_seconds, finished.image.seconds
        )
        notes: Mapping[str, Value] = finished.image.notes
        return describe(finished.request, finished.work, times, notes, self._version, finished.preview)

    async def _make_way(self, user: str, base: str) -> None:
        """Take away the picture of this name, whatever its format."""
        for ending in MIME:
            file = self._outputs.free(user, base, ending)
            if self._images.exists(user, f"{base}.{ending}"):
                await self._images.delete(user, f"{base}.{ending}")
            for old in (file, file.with_suffix(SIDE_ENDING)):
                with suppress(FileNotFoundError):
                    old.unlink()

    async def _keep(
        self, finished: Finished, base: str, ending: str, pieces: Pieces, metadata: str | None
    ) -> Spot:
        for _ in range(_MOST_NAMES):
            spot = self._outputs.choose(finished.user, base, ending, finished.job, finished.index)
            try:
                size = await self._write(spot, pieces)
                added = self._images.add(_row(finished, spot, size, metadata))
                if finished.committing is not None:
                    finished.committing()
                await added
                self._outputs.publish(spot)
            except sqlite3.IntegrityError:  # a row whose file somebody took away holds this name
                continue
            except BaseException:
                self._outputs.release(spot)
                raise
            return spot
        raise OSError(f"no free name was found for {base}.{ending}")

    async def _write(self, spot: Spot, pieces: Pieces) -> int:
        try:
            return await self._write_once(spot, pieces)
        except FileNotFoundError:  # the folder was removed while we ran
            self._outputs.restore(spot)
            return await self._write_once(spot, pieces)

    async def _write_once(self, spot: Spot, pieces: Pieces) -> int:
        if sum(len(piece) for piece in pieces) < _IN_LINE_BYTES:
            return self._outputs.write(spot, pieces)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._outputs.write, spot, pieces)


def on_the_way(finished: Finished, name: str) -> Finished:
    """A picture that came up before its work's second pass: of the first one's size, marked as such, kept
    under a `name` of its own and only if its request keeps these."""
    request = finished.request
    save = request.save and request.given.get("donotsaveintermediates") is not True
    return replace(
        finished,
        job=name,
        index=0,
        request=replace(request, save=save, extra={**request.extra, "intermediate": "true"}),
        work=replace(finished.work, second=None),
        preview=None,
        committing=None,
    )


def occasion_of(time: float, count: int, batch: int, user: str) -> Occasion:
    """What a path may tell of a request made at `time` (unix seconds), in local time."""
    return Occasion(datetime.fromtimestamp(time), count, batch, user)


def data_url(data: bytes, ending: str) -> str:
    """A picture as text for an `src`."""
    return f"data:{MIME[ending]};base64,{b64encode(data).decode('ascii')}"


def _row(finished: Finished, spot: Spot, size: int, metadata: str | None) -> ImageRow:
    work = finished.work
    width, height = result_size(work.width, work.height, work.second)
    return ImageRow(
        job=finished.job,
        index=finished.index,
        user=finished.user,
        path=spot.path,
        created=finished.created,
        model=work.model.name,
        prompt=work.prompt,
        metadata=metadata,
        width=width,
        height=height,
        bytes=size,
    )

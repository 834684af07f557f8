"""From the bytes an engine gives to a picture on disk and in the index, or to a data URL."""

import asyncio
import sqlite3
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from backends.contract import Image, Work
from hub.errors import storage_trouble
from hub.media.describe import Times, Value, describe
from hub.media.outputs import Outputs, Spot
from hub.media.pattern import Occasion, fill
from hub.media.splice import Pieces, splice
from hub.media.stealth import hide
from hub.params import result_size
from hub.params.request import GenRequest
from hub.store import ImageRow, Images, is_locked

ENDINGS = {"PNG": "png", "JPG": "jpg", "WEBP": "webp", "WEBP_LOSSLESS": "webp"}
MIME = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
_IN_LINE_BYTES = 1 << 20  # below this a thread costs more than the write into the page cache
_MOST_NAMES = 100
LOCKED_SECONDS = 60.0
"""How long a drawn picture waits for a locked database before it is given up."""
LOCKED_PAUSE_S = 0.25
_WRITERS = 4


class NotSaved(Exception):
    """The picture could not be kept; the text says why."""


class Finished(Struct, frozen=True):
    """A picture from an engine with all that is known of it. `job` and `index` say which image it is.

    `prepare_seconds` is None for a picture that no engine has drawn. `preview` is the metadata text sent
    while it formed; `committing` is called when its row is handed to the store, so that what it hands over
    goes into the same transaction; it raises NotSaved where the picture is not wanted any more.
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
        side = metadata if aside else None
        try:
            spot = await self._keep(finished, base, ending, pieces, metadata, side)
        except (OSError, sqlite3.Error) as error:
            raise NotSaved(why(error)) from error
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

    async def _keep(
        self,
        finished: Finished,
        base: str,
        ending: str,
        pieces: Pieces,
        metadata: str | None,
        side: str | None,
    ) -> Spot:
        over = finished.request.keeping.overwrite
        for _ in range(_MOST_NAMES):
            spot = self._outputs.choose(finished.user, base, ending, finished.job, finished.index, over=over)
            try:
                size = await self._write(spot, pieces)
                if side is not None:
                    self._outputs.write_side(spot, side)
                await self._enter(finished, _row(finished, spot, size, metadata), base if over else None)
            except sqlite3.IntegrityError:  # a row whose file somebody took away holds this name
                continue
            except Exception:
                self._outputs.release(spot)
                raise
            await self._publish(spot, base if over else None, side=side is not None)
            return spot
        raise OSError(f"no free name was found for {base}.{ending}")

    async def _enter(self, finished: Finished, row: ImageRow, over: str | None) -> None:
        """Commit the row, in place of those of the name `over`. The picture is drawn and on the disk: while
        somebody holds the database locked it is waited for, longer than a caller would."""
        until = time.monotonic() + LOCKED_SECONDS
        instead = () if over is None else tuple(f"{over}.{ending}" for ending in MIME)
        while True:
            if finished.committing is not None:
                finished.committing()
            added = self._images.add(row, instead=instead)
            try:
                await added
                return
            except sqlite3.OperationalError as error:
                if not is_locked(error) or time.monotonic() >= until:
                    raise
            await asyncio.sleep(LOCKED_PAUSE_S)

    async def _publish(self, spot: Spot, over: str | None, *, side: bool) -> None:
        """Give the file its name, once its row is there; where that fails the row goes again."""
        try:
            if over is not None:
                self._outputs.clear(spot.user, over, MIME)
            self._outputs.publish(spot, side=side)
        except OSError:
            # Without a row the leftover goes now, with one the next start brings it to its name.
            await self._images.delete(spot.user, spot.path)
            self._outputs.release(spot)
            raise

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


def why(error: OSError | sqlite3.Error) -> str:
    """Why a file could not be kept, in words."""
    return storage_trouble(error) or getattr(error, "strerror", None) or str(error)


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

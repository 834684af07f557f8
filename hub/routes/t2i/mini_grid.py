"""The mini-grid: all pictures of a request as one more, where the user wishes it (swarm-api §4.2)."""

import asyncio
import base64
import logging
import time
from uuid import uuid4

import msgspec

from backends.contract import Image
from hub.accounts import Caller
from hub.jobs import Job
from hub.jobs.events import Imaged, JobEvent
from hub.media import Finished, Media, NoSuchImage, NotSaved, Saved, make_grid, occasion_of
from hub.params import GenRequest, spread

INDEX = -1
_log = logging.getLogger(__name__)


class MiniGrid:
    """Gathers the pictures of one job; `wanted` once there are enough and not too many."""

    def __init__(self, request: GenRequest, job: Job, caller: Caller, media: Media) -> None:
        self._request = request.without_pictures()
        self._job = job
        self._caller = caller
        self._media = media
        self._urls: dict[int, str] = {}

    @property
    def wanted(self) -> bool:
        """Whether these pictures are to be shown as one too."""
        return 2 <= len(self._urls) <= self._request.keeping.mini_grid

    def hear(self, event: JobEvent) -> None:
        """Remember the pictures, as long as a grid may come of them."""
        if type(event) is Imaged and len(self._urls) <= self._request.keeping.mini_grid:
            self._urls[event.index] = event.url

    async def make(self) -> Saved | None:
        """The grid, kept like any picture; None (and a line in the log) when it cannot be made."""
        request = self._request
        urls = [self._urls[index] for index in sorted(self._urls)]
        try:
            pictures = await asyncio.to_thread(lambda: [self._read(url) for url in urls])
            grid = await asyncio.to_thread(make_grid, pictures, request.format, request.quality)
            return await self._media.save(self._finished(*grid))
        except (OSError, ValueError, NoSuchImage, NotSaved):
            _log.exception("The grid of job %s could not be made", self._job.id)
            return None

    def _read(self, url: str) -> bytes:
        if url.startswith("data:"):
            return base64.b64decode(url.partition(",")[2])
        return self._media.gallery.file(self._caller.user, url).read_bytes()

    def _finished(self, data: bytes, width: int, height: int) -> Finished:
        request = msgspec.structs.replace(self._request, path_format=f"{self._request.path_format}-grid")
        name, now = uuid4().hex, time.time()
        caller = self._caller
        work = spread(request, name, caller.user, caller.session)[0]
        return Finished(
            job=name,
            index=0,
            user=caller.user,
            request=request,
            work=msgspec.structs.replace(work, width=width, height=height, second=None),
            image=Image(f"{name}:0", data, request.format),
            occasion=occasion_of(now, self._job.request_id % 1000, INDEX, caller.user),
            prepare_seconds=None,
            created=int(now * 1000),
            depth=caller.limits.max_outpath_depth,
            unsafe=caller.limits.allow_unsafe_outpaths,
        )

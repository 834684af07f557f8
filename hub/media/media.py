"""The media room's front: keeps pictures, tells what they say about themselves, finds them again."""

import asyncio
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from backends.contract import Work
from hub.media.archive import Archives
from hub.media.describe import describe_preview
from hub.media.found import Finder
from hub.media.gallery import Gallery
from hub.media.leaving import Leaving
from hub.media.outputs import Outputs
from hub.media.pattern import clean_path
from hub.media.save import MIME, Finished, NotSaved, Saved, Saver, why
from hub.media.sound import ENDING as SOUND_ENDING
from hub.media.sound import take_sound
from hub.media.thumbs import Thumbs
from hub.params.request import GenRequest
from hub.store import ImageRow, Images

_log = logging.getLogger(__name__)


class Media:
    """Every user's finished pictures. `outputs` is the folder they lie in, `version` the hub's."""

    def __init__(self, outputs: Path, images: Images, version: str, *, append_user: bool = True) -> None:
        self._images = images
        self._version = version
        self.outputs = Outputs(outputs, append_user=append_user)
        self._saver = Saver(self.outputs, images, version)
        self.gallery = Gallery(self.outputs, images)
        self.archives = Archives(self.outputs, images)
        self.finder = Finder(self.outputs, images)
        self.thumbs = Thumbs()
        self._writing: Counter[str] = Counter()  # by user
        self._written = asyncio.Event()

    async def save(self, finished: Finished) -> Saved:
        """Keep a picture; see Saver.save."""
        with self._counted(finished.user):
            return await self._saver.save(finished)

    def describe_preview(self, request: GenRequest, work: Work) -> str:
        """The metadata text of a picture that is still forming."""
        return describe_preview(request, work, self._version)

    async def keep_sound(self, user: str, video: Path, name: str, created: int) -> Saved:
        """The sound of `video` as a file in the user's history; `created` in unix milliseconds.

        Raises NoSound, NotSaved, OutsideOutputs.
        """
        with self._counted(user):
            return await self._keep_sound(user, video, name, created)

    async def _keep_sound(self, user: str, video: Path, name: str, created: int) -> Saved:
        base = clean_path(f"raw/sounds/{name}")
        try:
            spot = self.outputs.choose(user, base, SOUND_ENDING, uuid4().hex, 0)
        except OSError as error:
            raise NotSaved(str(error)) from error
        try:
            await take_sound(video, spot.temporary)
            size = spot.temporary.stat().st_size
            await self._images.add(ImageRow("", 0, user, spot.path, created, bytes=size))
            self.outputs.publish(spot)
        except (OSError, sqlite3.Error) as error:
            self.outputs.release(spot)
            raise NotSaved(why(error)) from error
        except BaseException:
            self.outputs.release(spot)
            raise
        return Saved(self.outputs.url(user, spot.path), None, spot.path)

    async def keep_text(self, user: str, path: str, text: str, *, listed: bool) -> None:
        """Write a text file at a path below the user's outputs, in place of what is there; the history has
        it too when `listed`. Raises NotSaved, OutsideOutputs."""
        try:
            with self._counted(user):
                size = await asyncio.to_thread(self.outputs.write_text, user, path, text)
                if listed:
                    if self._images.exists(user, path):
                        await self._images.delete(user, path)
                    await self._images.add(ImageRow("", 0, user, path, int(time.time() * 1000), bytes=size))
        except (OSError, sqlite3.Error) as error:
            raise NotSaved(why(error)) from error

    def kept_as(self, user: str, base: str) -> str | None:
        """The ending of the picture at a path without ending, None when there is none."""
        home = self.outputs.home(user)
        return next((ending for ending in MIME if (home / f"{base}.{ending}").is_file()), None)

    def leaving(self, user: str, id: str, *, aside: bool) -> Leaving:
        """The files of a user who leaves; `id` names the departure."""
        return Leaving(self.outputs, user, id, aside=aside)

    async def forget(self, user: str) -> None:
        """Know nothing more of a user's files, once what is being written of them is done."""
        while self._writing[user]:
            self._written.clear()
            await self._written.wait()
        await self.finder.forget(user)
        self.thumbs.forget(self.outputs.home(user))
        self.outputs.forget(user)

    @contextmanager
    def _counted(self, user: str) -> Iterator[None]:
        """Something of a user is being written."""
        self._writing[user] += 1
        try:
            yield
        finally:
            self._writing[user] -= 1
            if not self._writing[user]:
                del self._writing[user]
                self._written.set()

    async def settle(self) -> None:
        """Bring what a crash left half-way to its end; called before anything is written."""
        rescued, dropped = self.outputs.sweep(self._committed_path)
        if rescued or dropped:
            _log.info("After a crash: %d pictures completed, %d leftovers removed", rescued, dropped)

    async def present(self, job: str) -> frozenset[int]:
        """The indices of a job's images whose row and file are both there; a row without file is removed."""
        found = set()
        for row in self._images.of_job(job):
            if (self.outputs.home(row.user) / row.path).is_file():
                found.add(row.index)
            else:
                await self._images.delete(row.user, row.path)
        return frozenset(found)

    def close(self) -> None:
        """Let the threads end."""
        self.finder.close()
        self._saver.close()
        self.thumbs.close()

    def _committed_path(self, user: str, job: str, index: int) -> str | None:
        return next((row.path for row in self._images.of_job(job) if row.index == index), None)

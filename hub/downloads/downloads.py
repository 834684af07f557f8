"""All downloads of the hub: one for each file, a few at a time, watched by any number of sockets."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from hub.accounts import Caller, UpstreamKeys
from hub.catalog import Catalog, ModelFiles, NewPlace
from hub.downloads.download import Download, Progress
from hub.downloads.sites import Sites
from hub.downloads.source import Plain, RepoFile, Source
from hub.errors import BadInput, HubError
from hub.outside import Outside
from hub.settings import Settings

MOST_WAITING = 200
"""Downloads that may run and wait together."""

CANCELLED = "Download was cancelled."
STOPPED = "The hub is closing; the download goes on from where it was when it is asked for again."
_log = logging.getLogger("hub.downloads")

Hear = Callable[[Progress], None]


class Order(Struct, frozen=True):
    """What to fetch: `url` or a short form, the `subtype` it is of, the `name` it gets ("" takes the
    file's), `notes` to keep beside it."""

    url: str
    subtype: str
    name: str
    notes: dict[str, Any] = {}


class Done(Struct, frozen=True):
    """A finished download: the model's `name`, and its SHA-256 as hexadecimal digits."""

    name: str
    sha256: str


class _Running:
    """A download with the ones who watch it."""

    def __init__(self, order: Order, user: str) -> None:
        self.order = order
        self.user = user
        self.hearers: list[Hear] = []
        self.task: asyncio.Task[Done] | None = None
        self.download: Download | None = None
        self.cancelled = False

    def tell(self, progress: Progress) -> None:
        for hear in tuple(self.hearers):
            hear(progress)


class Downloads:
    """Start, join, cancel. A download belongs to nobody's socket: it goes on when its watchers leave, and
    asking for the same again watches it."""

    def __init__(
        self, settings: Settings, outside: Outside, keys: UpstreamKeys, catalog: Catalog, files: ModelFiles
    ) -> None:
        chosen = settings.downloads
        self.sites = Sites(chosen, outside, keys)
        self._catalog = catalog
        self._files = files
        self._chosen = chosen
        self._places = asyncio.Semaphore(chosen.at_once)
        self._running: dict[tuple[str, str], _Running] = {}

    async def watch(self, order: Order, caller: Caller, hear: Hear) -> Awaitable[Done]:
        """Start a download, or join the caller's own that is under way; the end can be awaited.

        `hear` is called with every progress until `leave`. Raises HubError for what is refused beforehand.
        """
        source = self.sites.source(order.url)
        name = order.name if order.name.strip() else _file_name(source)
        place = self._files.new_place(order.subtype, name, caller, field="name")
        key = (order.subtype, place.name.lower())
        running = self._running.get(key)
        if running is None:
            running = self._start(key, order, source, place, caller)
        elif running.user != caller.user or running.order.url != order.url:
            raise BadInput("Another download is already making a model of that name.", field="name")
        running.hearers.append(hear)
        if running.download is not None:
            hear(running.download.progress)
        task = running.task
        if task is None:
            raise HubError(STOPPED)
        return asyncio.shield(task)

    def leave(self, hear: Hear) -> None:
        """Stop telling this one; the download goes on."""
        for running in self._running.values():
            if hear in running.hearers:
                running.hearers.remove(hear)

    def cancel(self, hear: Hear) -> bool:
        """Cancel the download this one watches and keep nothing of it; False when it is over."""
        for running in self._running.values():
            if hear in running.hearers and running.task is not None:
                running.cancelled = True
                running.task.cancel()
                return True
        return False

    async def forget(self, user: str) -> None:
        """Cancel the downloads of a user whose account is gone, and keep nothing of them."""
        mine = [running for running in self._running.values() if running.user == user]
        for running in mine:
            running.cancelled = True
            if running.task is not None:
                running.task.cancel()
        await asyncio.gather(*(running.task for running in mine if running.task), return_exceptions=True)

    async def stop(self) -> None:
        """Break off all; their parts stay."""
        tasks = [running.task for running in self._running.values() if running.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.sites.outside.close()

    def _start(
        self,
        key: tuple[str, str],
        order: Order,
        source: Source,
        place: NewPlace,
        caller: Caller,
    ) -> _Running:
        if len(self._running) >= MOST_WAITING:
            raise HubError(f"{MOST_WAITING} downloads are waiting already; try again later.")
        running = self._running[key] = _Running(order, caller.user)
        free = int(self._chosen.leave_free_gib * 2**30)
        download = running.download = Download(
            order.url, caller.user, place, sites=self.sites, free=free, tell=running.tell
        )
        work = self._run(running, download, source, place)
        running.task = asyncio.create_task(work, name=f"download {place.name}")
        running.task.add_done_callback(lambda task: self._over(key, task))
        return running

    async def _run(self, running: _Running, download: Download, source: Source, place: NewPlace) -> Done:
        try:
            async with self._places:
                digest = await download.run(source)
        except asyncio.CancelledError:
            if running.cancelled:
                await asyncio.to_thread(download.discard)
                raise HubError(CANCELLED) from None
            raise HubError(STOPPED) from None
        if running.order.notes:
            try:
                await self._files.add_notes(place, running.order.subtype, running.order.notes)
            except HubError as trouble:
                _log.warning("the notes of the downloaded %s could not be kept: %s", place.name, trouble)
        await self._catalog.refresh()
        return Done(place.name, digest)

    def _over(self, key: tuple[str, str], task: "asyncio.Task[Any]") -> None:
        self._running.pop(key, None)
        if task.cancelled():
            return
        trouble = task.exception()
        if trouble is not None and not isinstance(trouble, HubError):
            _log.error("a download failed", exc_info=trouble)


def _file_name(source: Source) -> str:
    """The name of a download that was given none: that of its file."""
    if isinstance(source, Plain | RepoFile):
        return source.place.path.rpartition("/")[2]
    return f"civitai-{source.version or source.model}"

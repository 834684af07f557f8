"""Files that were put into the outputs folder by hand: found in the background and taken into the history.

A look walks the folders of one user in a thread and compares only those that have changed since the last one.
What the index does not know yet is read (its metadata, its size) and added a few rows at a time. What is over
the bound of one look comes with the next. Nothing is ever removed here.
"""

import asyncio
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from PIL import Image, UnidentifiedImageError

from hub.media.outputs import SIDE_ENDING, Outputs
from hub.media.splice import read_text
from hub.store import DEEPEST, ImageRow, Images

KINDS = frozenset((".png", ".jpg", ".jpeg", ".gif", ".webp", ".html", ".webm", ".mp4", ".mov", ".mp3"))
KINDS |= {".aac", ".wav", ".flac"}
_PICTURES = frozenset((".png", ".jpg", ".jpeg", ".gif", ".webp"))
_SETTLED_S = 2.0  # a file or folder touched since then may still be in the making: looked at the next time
_REST_S = 5.0  # between two looks
_MOST_NEW = 5_000  # files taken in by one look
_AT_ONCE = 25
_PAUSE_S = 0.01
_MOST_TEXT = 1 << 20  # bytes of a side file
_log = logging.getLogger(__name__)


class Finder:
    """Looks through users' folders. `look` may be called as often as one likes."""

    def __init__(self, outputs: Outputs, images: Images) -> None:
        self._outputs = outputs
        self._images = images
        self._seen: dict[str, dict[str, int]] = {}
        self._rested: dict[str, float] = {}
        self._looking: dict[str, asyncio.Task[int]] = {}

    def look(self, user: str) -> None:
        """Look for new files of a user, unless somebody just did. Where all users share one folder nobody can
        tell whose a file is, so nothing is looked for."""
        if not self._outputs.append_user or user in self._looking:
            return
        if time.monotonic() < self._rested.get(user, 0.0):
            return
        task = asyncio.get_running_loop().create_task(self._look(user), name="files put in by hand")
        self._looking[user] = task
        task.add_done_callback(lambda done: self._rest(user, done))

    async def done(self, user: str) -> int:
        """Wait for the look that is going on; how many files it took in."""
        task = self._looking.get(user)
        return await asyncio.shield(task) if task is not None else 0

    async def forget(self, user: str) -> None:
        """Look no longer, and know nothing more of a user's folders."""
        task = self._looking.get(user)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._seen.pop(user, None)
        self._rested.pop(user, None)

    def close(self) -> None:
        """Stop looking."""
        for task in self._looking.values():
            task.cancel()

    def _rest(self, user: str, done: "asyncio.Task[int]") -> None:
        del self._looking[user]
        self._rested[user] = time.monotonic() + _REST_S
        if not done.cancelled() and done.exception() is not None:
            _log.warning("The outputs of %s could not be looked through: %s", user, done.exception())

    async def _look(self, user: str) -> int:
        home = self._outputs.home(user)
        seen = self._seen.setdefault(user, {})
        left = _MOST_NEW
        folders = await asyncio.to_thread(_changed, home, dict(seen))
        for folder in folders:
            unknown = await self._images.unknown(user, folder.files)
            fresh = unknown[:left]
            await self._take(user, home, fresh)
            left -= len(fresh)
            if folder.settled and len(fresh) == len(unknown):
                seen[folder.path] = folder.changed
            if left <= 0:
                break
        return _MOST_NEW - left

    async def _take(self, user: str, home: Path, paths: list[str]) -> None:
        for start in range(0, len(paths), _AT_ONCE):
            some = paths[start : start + _AT_ONCE]
            rows = await asyncio.to_thread(_rows, user, home, some)
            await asyncio.gather(*map(self._images.add, rows), return_exceptions=True)
            await asyncio.sleep(_PAUSE_S)


class Folder(Struct, frozen=True):
    """A folder to compare with the index: `files` are the paths of what a history may hold. `settled` when
    nothing in it has been touched for a moment; `changed` is its time of change in nanoseconds."""

    path: str
    changed: int
    settled: bool
    files: list[str]


def _changed(home: Path, seen: dict[str, int]) -> list[Folder]:
    """Every folder below `home` that has changed since it was `seen`; for a thread."""
    found = []
    waiting = [""]
    while waiting:
        path = waiting.pop()
        with suppress(OSError):
            changed = (home / path).stat().st_mtime_ns
            inner = [*_entries(home, path)]
            if path.count("/") + bool(path) < DEEPEST:
                waiting += [f"{path}/{one.name}" if path else one.name for one in inner if _is_folder(one)]
            if seen.get(path) != changed:
                found.append(_folder(path, changed, inner))
    return found


def _entries(home: Path, path: str) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(home / path) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.name.isprintable():
                yield entry


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False)


def _folder(path: str, changed: int, entries: list["os.DirEntry[str]"]) -> Folder:
    """Its files; those still being written are left for the next time."""
    files, settled = [], True
    young = (time.time() - _SETTLED_S) * 1e9
    for entry in entries:
        name = entry.name
        if os.path.splitext(name)[1].lower() not in KINDS or ".swarmpreview." in name:  # noqa: PTH122
            continue
        if not entry.is_file(follow_symlinks=False):
            continue
        stat = entry.stat(follow_symlinks=False)
        if max(stat.st_mtime_ns, stat.st_ctime_ns) > young:
            settled = False
        else:
            files.append(f"{path}/{name}" if path else name)
    return Folder(path, changed, settled and changed <= young, files)


def _rows(user: str, home: Path, paths: list[str]) -> list[ImageRow]:
    """What these files tell about themselves, without those that have vanished; for a thread."""
    return [row for path in paths if (row := _row(user, home, path)) is not None]


def _row(user: str, home: Path, path: str) -> ImageRow | None:
    file = home / path
    try:
        stat = file.stat()
    except OSError:
        return None
    metadata = _metadata(file)
    prompt, model = _prompt_and_model(metadata)
    width, height = _size(file)
    return ImageRow(
        job="",
        index=0,
        user=user,
        path=path,
        created=stat.st_mtime_ns // 1_000_000,
        model=model,
        prompt=prompt,
        metadata=metadata,
        width=width,
        height=height,
        bytes=stat.st_size,
        starred=path.startswith("Starred/"),
    )


def _metadata(file: Path) -> str | None:
    """From the file beside it, else from the file itself."""
    side = file.with_suffix(SIDE_ENDING)
    with suppress(OSError, UnicodeError):
        if side.is_file() and side.stat().st_size <= _MOST_TEXT:
            return side.read_text("utf-8")
    return read_text(file) if file.suffix.lower() in _PICTURES else None


def _prompt_and_model(metadata: str | None) -> tuple[str, str]:
    if not metadata:
        return "", ""
    try:
        block: Any = msgspec.json.decode(metadata)
        given = block["sui_image_params"]
        return str(given.get("prompt", "")), str(given.get("model", ""))
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return "", ""


def _size(file: Path) -> tuple[int, int]:
    if file.suffix.lower() not in _PICTURES:
        return 0, 0
    try:
        with Image.open(file, formats=("PNG", "JPEG", "WEBP", "GIF")) as picture:
            return picture.width, picture.height
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return 0, 0

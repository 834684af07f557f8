"""Wildcards: lists of options that a prompt may draw from, one text file each, in folders (swarm-api §8)."""

import asyncio
import contextlib
import logging
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from hub.catalog.match import closest, plain
from hub.errors import BadInput, HubError

ENDING = ".txt"
MAX_BYTES = 16 * 1024 * 1024
"""Bytes of a wildcard's file; a larger one is left out with a line in the log."""

MAX_DEPTH = 20
"""How many folders deep a wildcard may lie."""

PICTURE_ENDING = ".jpg"
NO_WILDCARD = "Wildcard not found."

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\[\]]')
_LONGEST_PART = 120
_COMMENT = re.compile(r"(?:^|\s)#.*$")

_log = logging.getLogger("hub.catalog")


class Wildcard(Struct, frozen=True):
    """One list. `name` is the path below the folder, `/` separated, without ending; `raw` the file's text,
    `options` what can be drawn; `picture` its preview; `stamp` follows the files (nanoseconds, bytes).
    """

    name: str
    raw: str
    options: tuple[str, ...]
    picture: Path | None = None
    stamp: tuple[int, ...] = ()


class Wildcards:
    """The wildcards in a folder, as one snapshot that is replaced as a whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._all: Mapping[str, Wildcard] = {}
        self._plain: Mapping[str, str] = {}
        self._lock = asyncio.Lock()

    @property
    def all(self) -> Mapping[str, Wildcard]:
        """Every wildcard by name, in name order."""
        return self._all

    def find(self, name: str) -> Wildcard:
        """The wildcard a loosely typed name means: the same one, else the shortest that contains it.

        Raises HubError when there is none.
        """
        exact = self._all.get(name.strip())
        best = exact.name if exact is not None else closest(_plain(name), self._plain)
        if best is None:
            raise HubError(NO_WILDCARD)
        return self._all[best]

    def exact(self, name: str, *, field: str = "card") -> Wildcard:
        """The wildcard of exactly this name, in any letter case. Raises HubError naming `field`."""
        best = self._plain.get(_plain(name))
        if best is None:
            raise HubError(NO_WILDCARD, field=field)
        return self._all[best]

    async def refresh(self) -> None:
        """Look at the folder again, in a thread; unchanged files are not read."""
        async with self._lock:
            self._take(await asyncio.to_thread(_scan, self._folder, self._all))

    async def edit(self, name: str, options: str, picture: bytes | None, *, keep_picture: bool) -> None:
        """Write a wildcard, new or over the old one, then look again.

        `options` are its lines, `picture` JPEG bytes; without one the old picture goes unless
        `keep_picture`. Raises BadInput for a name that cannot be a file's.
        """
        clean = clean_name(name)
        if len(options.encode()) > MAX_BYTES:
            raise BadInput(
                f"A wildcard may have {MAX_BYTES >> 20} MiB of options.", field="options", limit=MAX_BYTES
            )
        async with self._lock:
            known = self._plain.get(_plain(clean), clean)
            path = self._folder / f"{known}{ENDING}"
            await asyncio.to_thread(self._write, path, options, picture, keep_picture)
            self._take(await asyncio.to_thread(_scan, self._folder, self._all))

    async def delete(self, name: str) -> None:
        """Take a wildcard and its picture away. Raises HubError when there is none of that name."""
        async with self._lock:
            found = self.exact(name)
            path = self._folder / f"{found.name}{ENDING}"
            await asyncio.to_thread(_remove, path, self._folder)
            self._take(await asyncio.to_thread(_scan, self._folder, self._all))

    def _take(self, found: dict[str, Wildcard]) -> None:
        forms: dict[str, str] = {}
        for name in found:
            forms.setdefault(_plain(name), name)
        self._all, self._plain = found, forms

    def _write(self, path: Path, options: str, picture: bytes | None, keep_picture: bool) -> None:
        if not path.parent.resolve().is_relative_to(self._folder.resolve()):  # a link leads out
            raise BadInput(
                "This folder of wildcards lies elsewhere and cannot be changed here.", field="card"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, options.replace("\r\n", "\n").replace("\0", "").encode())
        shown = path.with_name(path.name.removesuffix(ENDING) + PICTURE_ENDING)
        if picture is not None:
            _replace(shown, picture)
        elif not keep_picture:
            shown.unlink(missing_ok=True)


def clean_name(name: str) -> str:
    """The name with `/` between folders and without its ending. Raises BadInput when no file can have it."""
    parts = [part.strip() for part in name.replace("\\", "/").split("/")]
    clean = "/".join(part for part in parts if part)
    clean = clean[: -len(ENDING)].rstrip() if clean.lower().endswith(ENDING) else clean
    parts = clean.split("/")
    if (
        not clean
        or _FORBIDDEN.search(clean)
        or len(parts) > MAX_DEPTH
        or any(part.startswith(".") or part.endswith(".") or len(part) > _LONGEST_PART for part in parts)
    ):
        raise BadInput(
            f"'{name[:100]}' cannot be a wildcard's name: use letters, digits, blanks, and `/` for folders.",
            field="card",
            limit=_LONGEST_PART,
        )
    return clean


def options_of(text: str) -> tuple[str, ...]:
    """The options in a file's text: one a line, without comments and empty lines, `\\n` for a line end."""
    lines = (_COMMENT.sub("", line).strip() for line in text.split("\n"))
    return tuple(line.replace("\\n", "\n") for line in lines if line)


def _plain(name: str) -> str:
    text = plain(name.replace("\\", "/")).strip("/")
    return text.removesuffix(ENDING)


def _scan(folder: Path, known: Mapping[str, Wildcard]) -> dict[str, Wildcard]:
    found: dict[str, Wildcard] = {}
    for name, path, stamp, picture in _files(folder):
        old = known.get(name)
        if old is not None and old.stamp == stamp:
            found[name] = old
            continue
        try:
            raw = path.read_bytes().decode("utf-8-sig", errors="replace").replace("\0", "")
        except OSError as error:
            _log.warning("the wildcard %s cannot be read: %s", path, error)
            continue
        raw = raw.replace("\r\n", "\n")
        found[name] = Wildcard(name, raw, options_of(raw), picture, stamp)
    return dict(sorted(found.items()))


def _files(folder: Path) -> Iterator[tuple[str, Path, tuple[int, ...], Path | None]]:
    """Every readable list: its name, path, stamp and preview. Hidden names and linked folders are left
    out."""
    for top, folders, files in os.walk(folder):
        depth = len(Path(top).relative_to(folder).parts)
        folders[:] = (
            sorted(one for one in folders if not one.startswith(".")) if depth < MAX_DEPTH - 1 else []
        )
        names = set(files)
        for file in sorted(files):
            if file.startswith(".") or not file.endswith(ENDING):
                continue
            path = Path(top, file)
            picture = (
                path.with_suffix(PICTURE_ENDING) if file[: -len(ENDING)] + PICTURE_ENDING in names else None
            )
            try:
                stats = [one.stat() for one in (path, picture) if one is not None]
                name = path.relative_to(folder).as_posix()[: -len(ENDING)]
                name.encode()
            except (OSError, UnicodeEncodeError):
                continue
            if not path.is_file() or stats[0].st_size > MAX_BYTES:
                _log.warning(
                    "the wildcard %s is no file of at most %d bytes; it is left out", path, MAX_BYTES
                )
                continue
            stamp = tuple(number for stat in stats for number in (stat.st_mtime_ns, stat.st_size))
            yield name, path, stamp, picture


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    handle, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123
            file.write(data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _remove(path: Path, folder: Path) -> None:
    """Take the list and its picture away, and the folders that are empty then."""
    path.unlink(missing_ok=True)
    path.with_name(path.name.removesuffix(ENDING) + PICTURE_ENDING).unlink(missing_ok=True)
    above = path.parent
    with contextlib.suppress(OSError):  # not empty
        while above != folder:
            above.rmdir()
            above = above.parent

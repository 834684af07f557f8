"""What a backup holds, written into it: every file with its size and SHA-256."""

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from msgspec import Struct

FORMAT = 1
MANIFEST = "backup.json"
LIST = "outputs.jsonl"
"""A line of JSON (`path`, `size`, `sha256`) for each finished picture, also where its file is not in."""

DATA = "data/"
OUTPUTS = "outputs/"
DATABASE = "hub.sqlite3"
SETTINGS = "settings.toml"
KEYS = "keys"
FOLDERS = ("wildcards", "workflows", "autocompletions", "languages", "audio")
"""Of the data folder, besides database and settings."""

PIECE = 1 << 20


class BadBackup(Exception):
    """A backup cannot be made or used; the text says why and what to do."""


class Entry(Struct, frozen=True):
    """A file: `path` with '/', size in bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


class Manifest(Struct, frozen=True):
    """`made` in unix seconds; `migrations` of the database; `blanked` are secret settings left out."""

    format: int
    made: int
    version: str
    migrations: tuple[str, ...]
    outputs: bool
    keys: bool
    blanked: tuple[str, ...]
    files: tuple[Entry, ...]


def safe_path(name: str) -> PurePosixPath:
    """A name inside a backup as a path that stays where it is put. Raises BadBackup."""
    path = PurePosixPath(name)
    bad = not name or "\\" in name or "\0" in name or ":" in name or path.is_absolute() or ".." in path.parts
    if bad or str(path) != name:
        raise BadBackup(f"The backup names a file '{name[:100]}', which none of ours does. It is not used.")
    return path


def copied(source: IO[bytes], target: IO[bytes] | None) -> tuple[int, str]:
    """Copy a stream piece by piece (None: only read it); its size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(PIECE):
        digest.update(piece)
        size += len(piece)
        if target is not None:
            target.write(piece)
    return size, digest.hexdigest()


def files_below(folder: Path) -> Iterator[Path]:
    """Every ordinary file below a folder, in order; links and what begins with a dot are passed over."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_dir():
            yield from files_below(path)
        elif path.is_file():
            yield path

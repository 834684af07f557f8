"""The unfinished file of a download, and what must be known of it to go on after a break. Blocking."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

ENDING = ".part"
NOTES = ".part.json"
_CHUNK = 1 << 20
_MOST_NOTES = 64 * 1024


class Origin(Struct, frozen=True):
    """Where a part came from: `url` as the user gave it, `etag` a strong validator or "", `size` in bytes of
    the whole file or None, `sha256` as its site tells it or ""."""

    url: str
    etag: str = ""
    size: int | None = None
    sha256: str = ""


class Part:
    """`<file>.part` beside the place of the finished file, with its origin in `<file>.part.json`."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ENDING)
        self._notes = target.with_name(target.name + NOTES)
        self._file: BinaryIO | None = None
        self._digest = hashlib.sha256()
        self.length = 0
        """Bytes that are there."""
        self.finished = False
        """Whether the file has its name."""

    def resume(self, url: str) -> Origin | None:
        """Open what an earlier try left of the same address; None when there is nothing to go on with."""
        if not self.path.is_file() or self._notes.is_symlink() or self.path.is_symlink():
            return None
        try:
            with self._notes.open("rb") as file:
                origin = msgspec.json.decode(file.read(_MOST_NOTES), type=Origin)
        except (OSError, ValueError):
            return None
        if origin.url != url or not (origin.etag or origin.sha256):
            return None
        self._digest = hashlib.sha256()
        self.length = 0
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                self._digest.update(chunk)
                self.length += len(chunk)
        self._file = self.path.open("ab")
        return origin

    def begin(self, origin: Origin) -> None:
        """Start from nothing; what an earlier try left goes."""
        self.close()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)
        self._digest = hashlib.sha256()
        self.length = 0
        self._notes.write_bytes(msgspec.json.encode(origin))
        self._file = self.path.open("xb")

    def write(self, data: bytes) -> None:
        """Add to the end."""
        if self._file is None:
            raise ValueError("the part is not open")
        self._file.write(data)
        self._digest.update(data)
        self.length += len(data)

    def start(self) -> bytes:
        """The first bytes that are there."""
        self.flush()
        with self.path.open("rb") as file:
            return file.read(64)

    def flush(self) -> None:
        """Hand what was written to the system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Let go of the file; it stays."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def sha256(self) -> str:
        """The digest of everything that is there."""
        return self._digest.hexdigest()

    def free_bytes(self) -> int:
        """Bytes free on the disk the file goes to."""
        above = self.path.parent
        while not above.exists():
            above = above.parent
        return shutil.disk_usage(above).free

    def discard(self, root: Path) -> None:
        """Leave nothing: the part, its notes, and folders below `root` that are empty then."""
        self.close()
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)
        if self.finished:
            self.target.unlink(missing_ok=True)
        above = self.path.parent
        while above != root and above.is_relative_to(root):
            try:
                above.rmdir()
            except OSError:  # not empty, or gone
                return
            above = above.parent

    def finish(self) -> None:
        """Give the file its name. Raises FileExistsError when one of that name came in between."""
        self.flush()
        if self._file is not None:
            os.fsync(self._file.fileno())
        self.close()
        if self.target.exists():
            raise FileExistsError(self.target)
        self.path.rename(self.target)
        self.finished = True
        self._notes.unlink(missing_ok=True)

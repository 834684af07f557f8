"""One hub to a data folder: a second one would take up the same jobs and write the same database."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

LOCK = "hub.lock"


class FolderTaken(Exception):
    """The data folder cannot be had; the text says why and what to do."""


@contextmanager
def own_folder(data: Path) -> Iterator[None]:
    """Hold the data folder, made where it is missing, until left. The system lets go of it for a killed
    process.

    Raises FolderTaken when another hub holds it or it cannot be written.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = (data / LOCK).open("a+b")
    except OSError as trouble:
        raise FolderTaken(
            f"The data folder {data} cannot be used: {trouble}. Choose another (--data-dir)."
        ) from None
    with file:
        if not _lock(file):
            raise FolderTaken(
                f"Another hub is running on the data folder {data}. "
                "Stop it, or choose another folder (--data-dir)."
            )
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

"""Files of finished pictures: a free name, one write under a temporary name, a rename.

The order makes a crash harmless at any point: (1) the whole file is written as `.pending/<job>-<index>`,
(2) its row is committed with the final path, (3) it is renamed there. Before (2) the leftover is swept at the
next start and the image drawn again; between (2) and (3) the next start renames it. Nothing is flushed to the
disk by force: that guards against a power cut only and costs milliseconds a picture.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from msgspec import Struct

from hub.media.pattern import NUMBER

PENDING = ".pending"
SIDE_ENDING = ".swarm.json"
SIBLINGS = (".txt", ".metadata.js", SIDE_ENDING, ".swarmpreview.jpg", ".swarmpreview.webp")
_REMEMBERED = 4096


class OutsideOutputs(Exception):
    """A path that leaves its user's folder."""


class Spot(Struct, frozen=True):
    """Where a picture goes: `path` relative to the user's folder with '/', `final` and `temporary` files."""

    user: str
    path: str
    final: Path
    temporary: Path


class Outputs:
    """The output folder. `append_user` gives every user a folder of their own; without it all share one."""

    def __init__(self, root: Path, *, append_user: bool = True) -> None:
        self.root = root
        self.append_user = append_user
        self._taken: set[tuple[str, str]] = set()  # given out and not yet there, or deleted in this run
        self._last_number: dict[str, int] = {}
        self._folders: set[Path] = set()  # made and checked in this run
        self.is_known: Callable[[str], bool] = lambda user: True
        """Whether there is an account of that name: nothing more is written for one that was just deleted."""

    def home(self, user: str) -> Path:
        """The folder of a user."""
        return self.root / user if self.append_user else self.root

    def url(self, user: str, path: str) -> str:
        """The address a browser asks for, without a leading slash and with blanks as they are."""
        return f"View/{user}/{path}" if self.append_user else f"Output/{path}"

    def inside(self, user: str, path: str) -> Path:
        """The real file of a path of `user`. Raises OutsideOutputs when it leads out, through a link too."""
        home = self.home(user)
        if not path or "\0" in path or path.startswith(("/", "\\")):
            raise OutsideOutputs(path)
        try:
            real = (home / path).resolve()
        except (OSError, RuntimeError, ValueError) as endless:  # links in a circle
            raise OutsideOutputs(path) from endless
        if not real.is_relative_to(home.resolve()):
            raise OutsideOutputs(path)
        return home / path

    def choose(self, user: str, base: str, ending: str, job: str, index: int, *, over: bool = False) -> Spot:
        """A free name for `base` (without ending), kept for this picture until `publish` or `release`.

        `[number]` counts up from 1, without it a taken name gets -1, -2, …; names deleted in this run stay
        taken. With `over` the name is taken as it is, whatever has it.
        """
        home = self.home(user)
        counted = NUMBER in base
        known = f"{user}/{base}.{ending}"
        number = -1 if over and not counted else self._last_number.get(known, 0 if counted else -1)
        while True:
            number += 1
            if counted:
                stem = base.replace(NUMBER, str(number))
            else:
                stem = f"{base}-{number}" if number else base
            path = f"{stem}.{ending}"
            final = home / path
            if over and not counted:
                break
            if (user, path) not in self._taken and not os.path.lexists(final):
                break
        if len(self._last_number) >= _REMEMBERED:
            self._last_number.clear()
        self._last_number[known] = number
        self._prepare(home, final.parent)
        self._prepare(home, home / PENDING)
        self._taken.add((user, path))
        return Spot(user, path, final, home / PENDING / f"{job}-{index}")

    def write(self, spot: Spot, pieces: list[bytes | memoryview]) -> int:
        """Write the temporary file; gives its size in bytes. Raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        handle = os.open(spot.temporary, flags, 0o644)
        try:
            written = _write_all(handle, pieces)
        except OSError:
            with suppress(OSError):
                spot.temporary.unlink()
            raise
        finally:
            os.close(handle)
        return written

    def write_side(self, spot: Spot, text: str) -> None:
        """The metadata beside a file that has no room for it, under a temporary name. Raises OSError."""
        _side(spot.temporary).write_text(text, encoding="utf-8")

    def write_text(self, user: str, path: str, text: str) -> int:
        """Write a text file in place of what is there, at once or not at all; gives its size in bytes.

        Raises OutsideOutputs, OSError.
        """
        self._demand_account(user)
        home, final = self.home(user), self.inside(user, path)
        for folder in (final.parent, home / PENDING):
            folder.mkdir(parents=True, exist_ok=True)
        temporary = home / PENDING / f"{uuid4().hex}-text"
        data = text.encode()
        temporary.write_bytes(data)
        temporary.replace(final)
        return len(data)

    def publish(self, spot: Spot, *, side: bool = False) -> None:
        """Give the written file its final name, its side file first. Raises OSError."""
        if side:
            os.replace(_side(spot.temporary), spot.final.with_suffix(SIDE_ENDING))  # noqa: PTH105
        os.replace(spot.temporary, spot.final)  # noqa: PTH105 - Path.replace makes another Path of it first
        self._taken.discard((spot.user, spot.path))

    def release(self, spot: Spot) -> None:
        """Give the name back and let the temporary file go."""
        self._taken.discard((spot.user, spot.path))
        for file in (spot.temporary, _side(spot.temporary)):
            with suppress(OSError):
                file.unlink()

    def clear(self, user: str, base: str, endings: Iterable[str]) -> None:
        """Take away the pictures of this name with these endings and their side file. Raises OSError."""
        for ending in endings:
            self._taken.discard((user, f"{base}.{ending}"))
            (self.home(user) / f"{base}.{ending}").unlink(missing_ok=True)
        self._last_number.clear()
        (self.home(user) / f"{base}{SIDE_ENDING}").unlink(missing_ok=True)

    def retire(self, user: str, path: str) -> None:
        """Do not give out the name of a deleted picture again in this run: browsers may have it cached."""
        self._taken.add((user, path))

    def sweep(self, path_of: Callable[[str, str, int], str | None]) -> tuple[int, int]:
        """Settle what a crash left: `path_of(user, job, index)` is the committed path of an image or None.

        Gives how many files were brought to their names and how many were thrown away.
        """
        rescued = dropped = 0
        for user, leftover in self._leftovers():
            job, _, index = leftover.name.partition("-")
            path = path_of(user, job, int(index)) if index.isdecimal() else None
            if path is None:
                leftover.unlink(missing_ok=True)
                dropped += 1
                continue
            final = self.home(user) / path
            final.parent.mkdir(parents=True, exist_ok=True)
            leftover.replace(final)
            rescued += 1
        return rescued, dropped

    def forget(self, user: str) -> None:
        """Know nothing more of a user's names and folders."""
        self._taken = {(owner, path) for owner, path in self._taken if owner != user}
        self._last_number = {
            known: number for known, number in self._last_number.items() if not known.startswith(f"{user}/")
        }
        self._folders.clear()

    def _demand_account(self, user: str) -> None:
        if not self.is_known(user):
            raise OSError("the account was deleted")

    def _leftovers(self) -> list[tuple[str, Path]]:
        if not self.append_user:
            return [("", file) for file in _files(self.root / PENDING)]
        homes = [home for home in self.root.iterdir() if home.is_dir()] if self.root.is_dir() else []
        return [(home.name, file) for home in homes for file in _files(home / PENDING)]

    def _prepare(self, home: Path, folder: Path) -> None:
        """Make a folder once, and look where it really lies before anything is written there."""
        if folder in self._folders:
            return
        folder.mkdir(parents=True, exist_ok=True)
        if not folder.resolve().is_relative_to(home.resolve()):
            raise OutsideOutputs(str(folder))
        self._folders.add(folder)

    def restore(self, spot: Spot) -> None:
        """Make the folders of a spot again after they have vanished under our feet."""
        self._demand_account(spot.user)
        self._folders.clear()
        home = self.home(spot.user)
        self._prepare(home, spot.final.parent)
        self._prepare(home, spot.temporary.parent)


def _side(file: Path) -> Path:
    return file.with_suffix(SIDE_ENDING)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file()) if folder.is_dir() else []


def _write_all(handle: int, pieces: list[bytes | memoryview]) -> int:
    total = sum(len(piece) for piece in pieces)
    if hasattr(os, "writev"):
        written = os.writev(handle, pieces)
        if written == total:
            return total
        joined = memoryview(b"".join(pieces))[written:]
    else:
        joined = memoryview(b"".join(pieces))
    while joined:
        joined = joined[os.write(handle, joined) :]
    return total

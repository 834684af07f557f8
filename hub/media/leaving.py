"""The files of somebody whose account is deleted: out of their folder at once, then deleted or set aside."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from hub.media.outputs import PENDING, SIBLINGS, Outputs

DEPARTED = ".departed"
"""In the outputs: folders on their way out. No user's name begins with a dot."""
SET_ASIDE = ".set_aside"
"""In the outputs: pictures of deleted accounts that an administrator wanted kept. The hub never reads it."""
BESIDE = "swarm_save_config.json"
"""What lies beside a grid's page without being in the history."""


class Leaving:
    """The files of one user who leaves. `id` is a word for the departure that no other one has."""

    def __init__(self, outputs: Outputs, user: str, id: str, *, aside: bool) -> None:
        self._outputs = outputs
        self._user = user
        self._aside = aside
        name = f"{user}-{id[:8]}" if aside else id
        self.place = outputs.root / (SET_ASIDE if aside else DEPARTED) / name

    def move_folder(self) -> None:
        """Take the user's own folder out of the way, however often one appears there. Raises OSError."""
        home = self._outputs.home(self._user)
        if not self._outputs.append_user or not os.path.lexists(home):
            return
        self.place.parent.mkdir(parents=True, exist_ok=True)
        place, late = self.place, 0
        while os.path.lexists(place):  # something was still being written when the folder was moved
            late += 1
            place = self.place.with_name(f"{self.place.name}-{late}")
        home.rename(place)

    def take(self, paths: list[str]) -> None:
        """Where all users share one folder: the files of these pictures. Raises OSError."""
        if self._outputs.append_user:
            return
        home = self._outputs.home(self._user)
        for path in paths:
            file = home / path
            beside = [file.with_name(BESIDE)] if file.suffix == ".html" else []
            for each in (file, *map(file.with_suffix, SIBLINGS), *beside):
                self._take(each, home)
            with suppress(OSError):  # the folder is not empty
                for folder in file.parents:
                    if folder == home:
                        break
                    folder.rmdir()

    def finish(self) -> None:
        """Delete what was taken out of the way, unless it is set aside. Raises OSError."""
        if self._aside:
            shutil.rmtree(self.place / PENDING, ignore_errors=True)
            return
        for place in self.place.parent.glob(f"{self.place.name}*"):
            _delete(place)
        with suppress(OSError):  # others are on their way out
            self.place.parent.rmdir()

    def _take(self, file: Path, home: Path) -> None:
        with suppress(FileNotFoundError):
            if not self._aside:
                file.unlink()
                return
            target = self.place / file.relative_to(home)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)


def _delete(place: Path) -> None:
    """A folder with all that is in it, also where it is a link to one elsewhere."""
    if place.is_symlink():
        target = place.resolve()
        if target.is_dir():
            shutil.rmtree(target)
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)

"""The server's three folders (input, output, temp), held in memory."""

import posixpath
import re
from collections.abc import Iterator

FOLDERS = ("input", "output", "temp")
ANNOTATED = re.compile(r"^(?P<name>.*?) \[(?P<type>input|output|temp)\]$")
NUMBERED = "{prefix}_{number:05}_.png"


class Outside(Exception):
    """A path that leads out of its folder."""


class Files:
    """Files by type, subfolder and name."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], bytes] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        return iter(self._kept)

    def read(self, folder: str, subfolder: str, name: str) -> bytes | None:
        """A file's bytes, None where there is none."""
        return self._kept.get((folder, subfolder, name))

    def named(self, text: str) -> bytes | None:
        """The file an image node names: `name`, `sub/name` or `name [output]`."""
        found = ANNOTATED.match(text)
        name, folder = (found["name"], found["type"]) if found else (text, "input")
        subfolder, _, name = name.replace("\\", "/").rpartition("/")
        return self.read(folder, subfolder, name)

    def upload(self, folder: str, subfolder: str, name: str, data: bytes, *, overwrite: bool) -> str:
        """Keep an upload; the name it got. Other bytes under a taken name get a number. Raises Outside."""
        subfolder = posixpath.normpath(subfolder) if subfolder else ""
        if subfolder.startswith(("..", "/")) or not name:
            raise Outside
        stem, dot, end = name.rpartition(".")
        chosen, count = name, 0
        while not overwrite and self._kept.get((folder, subfolder, chosen), data) != data:
            count += 1
            chosen = f"{stem} ({count}){dot}{end}"
        self._kept[folder, subfolder, chosen] = data
        return chosen

    def save(self, folder: str, prefix: str, data: bytes) -> dict[str, str]:
        """Keep a picture under the next number of its prefix; how the server tells where."""
        subfolder, _, prefix = prefix.rpartition("/")
        if subfolder.startswith(("..", "/")):
            raise Outside
        number = 1
        while (folder, subfolder, NUMBERED.format(prefix=prefix, number=number)) in self._kept:
            number += 1
        name = NUMBERED.format(prefix=prefix, number=number)
        self._kept[folder, subfolder, name] = data
        return {"filename": name, "subfolder": subfolder, "type": folder}

    def forget(self, folder: str, subfolder: str, name: str) -> None:
        """Delete a file, as somebody with access to the disk would."""
        self._kept.pop((folder, subfolder, name), None)

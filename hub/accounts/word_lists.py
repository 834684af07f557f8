"""The word lists that prompts are completed from: files in the data folder (swarm-api §6).

A line is a word, or fields parted by commas: the word, a kind, how often it is used, other names for it.
"""

import csv
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

FOLDER = "autocompletions"
"""In the data folder: the lists, in no further folders."""

ENDINGS = (".txt", ".csv")
MAX_BYTES = 32 * 1024 * 1024
"""Bytes of a list; a longer one is left out."""

_KEPT = 4
_LONGEST = 1000
_NO_LIST = "(none)"

_log = logging.getLogger("hub.accounts")


class Writing(Struct, frozen=True):
    """How a chosen word is put into the prompt: brackets escaped, what stands behind it, and whether blanks
    or underscores part its words ("None": as in the file)."""

    escape: bool = True
    suffix: str = ""
    spacing: str = "None"

    def put(self, word: str) -> str:
        """The word as it goes into the prompt."""
        if self.escape:
            word = word.replace("(", "\\(").replace(")", "\\)")
        return self.spaced(word) + self.suffix

    def spaced(self, word: str) -> str:
        """The word with its words parted as wished."""
        match self.spacing:
            case "Spaces":
                return word.replace("_", " ")
            case "Underscores":
                return word.replace(" ", "_")
        return word


class WordLists(Mapping[str, str]):
    """The lists there are now: name to name, first the empty one for none. Looks at the folder when asked."""

    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER
        self._made: OrderedDict[tuple[Path, int, int, Writing], list[str]] = OrderedDict()

    def __iter__(self) -> Iterator[str]:
        yield ""
        yield from self._names()

    def __len__(self) -> int:
        return 1 + len(self._names())

    def __getitem__(self, name: str) -> str:
        if name and name not in self._names():
            raise KeyError(name)
        return name or _NO_LIST

    def entries(self, name: str, writing: Writing) -> list[str] | None:
        """The words of a list, each as lines: shown, put in, kind, count, other names. None without a list.

        Blocks: reads the file, unless it was read for the same wishes and has not changed.
        """
        if not name or name not in self._names():
            return None
        path = self._folder / name
        try:
            stat = path.stat()
            key = (path, stat.st_mtime_ns, stat.st_size, writing)
            made = self._made.get(key)
            if made is None:
                made = self._made[key] = _read(path, writing)
        except (OSError, csv.Error) as error:
            _log.warning("the word list %s cannot be read: %s", path, error)
            return None
        self._made.move_to_end(key)
        while len(self._made) > _KEPT:
            self._made.popitem(last=False)
        return made

    def _names(self) -> list[str]:
        try:
            return sorted(path.name for path in self._folder.iterdir() if _is_list(path))
        except OSError:  # no folder means no lists
            return []


def _is_list(path: Path) -> bool:
    named = path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.name.isprintable()
    return named and path.is_file() and path.stat().st_size <= MAX_BYTES


def _read(path: Path, writing: Writing) -> list[str]:
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    fields = csv.reader(lines) if path.suffix.lower() == ".csv" else ([line] for line in lines)
    return [_entry(line, writing) for line in fields if line and line[0].strip()]


def _entry(fields: list[str], writing: Writing) -> str:
    word, kind, count, *others = (field.strip()[:_LONGEST] for field in (*fields, "", "", ""))
    names = ",".join(other for other in others if other)
    return "\n".join((writing.spaced(word), writing.put(word), kind, count, names))

"""Logs that were submitted: files in the data folder, the newest few, under names that nobody guesses."""

import re
import secrets
from pathlib import Path

MOST = 20
"""Kept; older ones are deleted."""
LONGEST = 3 * 2**20
"""Bytes of one; what is longer loses its middle."""
HEAD = 100 * 2**10
_NAME = re.compile(r"[0-9a-f]{32}")


class Pastes:
    """The submitted logs in a folder. Everything blocks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, text: str) -> str:
        """Keep a text; the name it is found by."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = secrets.token_hex(16)
        made = self._folder / f".{name}"
        made.touch(mode=0o600)
        made.write_bytes(shortened(text.encode("utf-8", "replace")))
        made.replace(self._folder / f"{name}.txt")
        for old in sorted(self._folder.glob("*.txt"), key=lambda file: file.stat().st_mtime_ns)[:-MOST]:
            old.unlink(missing_ok=True)
        return name

    def read(self, name: str) -> bytes | None:
        """The text of that name; None when there is none."""
        if not _NAME.fullmatch(name):
            return None
        try:
            return (self._folder / f"{name}.txt").read_bytes()
        except FileNotFoundError:
            return None


def shortened(text: bytes) -> bytes:
    """The text, or its begin and its end when it is too long."""
    if len(text) <= LONGEST:
        return text
    left_out = b"\n\n... (too long: the middle is left out) ...\n\n"
    return text[:HEAD] + left_out + text[len(text) - (LONGEST - HEAD - len(left_out)) :]

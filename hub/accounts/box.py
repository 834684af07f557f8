"""Where secrets lie that must be read again: encrypted, with the key in a file outside the database."""

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class LostKey(Exception):
    """A text cannot be read any more: its key file was replaced."""


class Box:
    """One key file (0600, made where it is missing): its newest key, the first line, closes; older ones
    below it still open what they closed. A copy of the database alone is no use.
    """

    def __init__(self, file: Path) -> None:
        self._fernet = MultiFernet(_keys(file))

    def close(self, text: str) -> str:
        """The text, encrypted."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, closed: str) -> str:
        """The text again; raises LostKey."""
        try:
            return self._fernet.decrypt(closed.encode()).decode()
        except InvalidToken as error:
            raise LostKey from error


def _keys(file: Path) -> list[Fernet]:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(handle, "wb") as stream:
            stream.write(Fernet.generate_key() + b"\n")
    file.chmod(0o600)
    return [Fernet(line) for line in file.read_bytes().split()]

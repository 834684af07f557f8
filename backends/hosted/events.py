"""Cuts a stream of server-sent events into the data of each. Pure.

Source: HTML Living Standard, 9.2 Server-sent events.
"""

from collections.abc import Iterator

_DONE = b"[DONE]"  # how some services say that nothing more comes


class Events:
    """Takes a stream as it comes, in pieces of any size."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._looked = 0  # how far the unfinished line is known to hold no end
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The data of every event that this piece completes."""
        self._line += piece
        while (end := self._line.find(b"\n", self._looked)) >= 0:
            line = bytes(self._line[:end]).removesuffix(b"\r")
            del self._line[: end + 1]
            self._looked = 0
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                data, self._data = b"\n".join(self._data), []
                if data != _DONE:
                    yield data
        self._looked = len(self._line)

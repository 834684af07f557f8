"""What waits for a slow socket: results in order and complete, of each preview only the newest. Pure."""

from collections import OrderedDict

Frame = bytes | str


class Binary(bytes):
    """A frame that goes out as a binary message; plain bytes are text in UTF-8."""


class Outbox:
    """An ordered line of frames. A frame with a key replaces the waiting one of the same key and goes to
    the end; frames without a key are never dropped and counted in bytes against `limit`."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.owed = 0
        """Bytes of frames that must be delivered and are not yet."""
        self.dropped = 0
        """Previews replaced before they could go out."""
        self._line: OrderedDict[str | int, Frame] = OrderedDict()
        self._count = 0

    def put(self, frame: Frame, key: str | None) -> bool:
        """Add a frame; False when what must be delivered has grown past the limit."""
        if key is None:
            self._count += 1
            self._line[self._count] = frame
            self.owed += len(frame)
            return self.owed <= self.limit
        if self._line.pop(key, None) is not None:
            self.dropped += 1
        self._line[key] = frame
        return True

    def take(self) -> Frame | None:
        """The next frame to send, None when all is out."""
        if not self._line:
            return None
        key, frame = self._line.popitem(last=False)
        if isinstance(key, int):
            self.owed -= len(frame)
        return frame

    def clear(self) -> None:
        """Forget everything: the socket is gone."""
        self._line.clear()
        self.owed = 0

    def __len__(self) -> int:
        return len(self._line)

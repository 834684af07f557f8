"""Job events as frames of our own sockets, each made once for all the sockets it goes to."""

from base64 import b64encode
from typing import Any

import msgspec

from hub.jobs.events import Imaged, Intermediate, JobEvent, Progressed, Started
from hub.wire import Binary, encode


class Frames:
    """An event as JSON text, with its preview as a data URL unless `blind`."""

    def __init__(self, *, blind: bool = False) -> None:
        self._blind = blind
        self._event: JobEvent | None = None
        self._frame = b""

    def of(self, event: JobEvent) -> bytes:
        """The frame of an event."""
        if event is not self._event:
            self._event, self._frame = event, _frame(event, blind=self._blind)
        return self._frame

    def numbered(self, event: JobEvent, number: int) -> bytes:
        """The frame of an event with its number in its user's row as `seq`."""
        return b'%b,"seq":%d}' % (self.of(event)[:-1], number)


class Previews:
    """Progress as a binary message: four bytes with the length of a JSON text (big endian), that text, then
    the preview's JPEG bytes. Without base64 it is a quarter smaller and costs no decoding."""

    def __init__(self) -> None:
        self._event: Progressed | None = None
        self._frame = Binary()

    def of(self, event: Progressed, number: int) -> Binary:
        """The message of a preview."""
        if event is not self._event:
            head = encode({**_fields(event), "seq": number, "mime": "image/jpeg"})
            parts = (len(head).to_bytes(4, "big"), head, event.preview or b"")
            self._event, self._frame = event, Binary(b"".join(parts))
        return self._frame


FRAMES = Frames()
BLIND = Frames(blind=True)
PREVIEWS = Previews()


def _fields(event: JobEvent) -> dict[str, Any]:
    fields: dict[str, Any] = {"event": event.__struct_config__.tag, **msgspec.structs.asdict(event)}
    fields["session"] = event.session[:8]
    fields["request_id"] = str(event.request_id)
    if isinstance(event, Progressed):
        del fields["preview"]
    return fields


def _frame(event: JobEvent, *, blind: bool) -> bytes:
    fields = _fields(event)
    if isinstance(event, Progressed):
        if event.preview is not None and not blind:
            body = encode(fields)
            return b'%b,"preview":"data:image/jpeg;base64,%b"}' % (body[:-1], b64encode(event.preview))
    elif isinstance(event, Imaged | Intermediate):
        fields["image"] = fields.pop("url")
    elif isinstance(event, Started) and not event.metadata:
        del fields["metadata"]
    return encode(fields)

"""Job events as SwarmUI's frames (swarm-api §4.2), in the documented order and with its index rule.

One shape serves one request on one socket. Frames are built as text from parts that are JSON already: most of
their bytes are a picture or a metadata block, which would only be copied again by an encoder.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from hub.jobs import Counts
from hub.jobs.events import (
    Ended,
    ImageCancelled,
    Imaged,
    ImageFailed,
    Intermediate,
    JobEvent,
    Loading,
    Progressed,
    Queued,
    Refused,
    Requeued,
    Started,
    Waiting,
)

INTERRUPTED = "Generation session interrupted."
KEEP_ALIVE = b'{"keep_alive":true}'
FIRST_INTERMEDIATE = -11
"""Index of the first picture that is no result; the next ones count down (swarm-api §4.2)."""

CLOSE_INTENT = b'{"socket_intention":"close"}'
Frame = tuple[bytes, str | None]
StatusFrame = Callable[[Counts], bytes]


class Previews:
    """The data URL of a preview, made once however many sockets show it."""

    def __init__(self) -> None:
        self._preview: bytes | None = None
        self._url = b""

    def url(self, preview: bytes) -> bytes:
        """The JPEG as an `src`, as JSON-ready text without quotes."""
        if preview is not self._preview:
            self._preview, self._url = preview, b"data:image/jpeg;base64," + b64encode(preview)
        return self._url


PREVIEWS = Previews()


class Shape:
    """Turns the events of one job into frames with their outbox keys (None: must be delivered).

    `offset` is the first image's index on the socket. `status_of` makes a status frame of this job's counts.
    `forwarded` are the parameters used, for a SwarmUI that asked for them with `forwardswarmdata`.
    """

    def __init__(
        self, offset: int, request_id: int, status_of: StatusFrame, forwarded: Sequence[str] | None = None
    ) -> None:
        self._forwarded = forwarded
        self._offset = offset
        self._request = b'","request_id":"%d"' % request_id
        self._request_id = str(request_id)
        self._status_of = status_of
        self._mine = Counts()
        self._told = self._values()
        self._loading: set[int] = set()
        self._waiting: set[int] = set()
        self._live: set[int] = set()
        self._metadata: dict[int, str] = {}
        self._makers: dict[type, Callable[[Any], Iterator[Frame]]] = {
            Queued: self._queued,
            Waiting: self._wait,
            Refused: lambda event: iter(()),  # SwarmUI's clients have no word for it
            Loading: self._load,
            Started: self._start,
            Progressed: self._progress,
            Imaged: self._image,
            Intermediate: self._intermediate,
            Requeued: self._requeued,
            ImageFailed: self._failed,
            ImageCancelled: self._cancelled,
            Ended: self._ended,
        }

    def frames(self, event: JobEvent) -> Iterator[Frame]:
        """The frames of an event, in order."""
        return self._makers[type(event)](event)

    # ---- status around every change ------------------------------------------------------------------------

    def _status(self) -> Frame:
        self._told = self._values()
        return self._status_of(self._mine), None

    def _values(self) -> tuple[int, int, int, int]:
        mine = self._mine
        return mine.waiting_gens, mine.loading_models, mine.waiting_backends, mine.live_gens

    def _queued(self, event: Queued) -> Iterator[Frame]:
        self._mine.waiting_gens = event.images
        yield self._status()
        if event.warnings:
            yield self._warned(event.warnings), None

    def _warned(self, warnings: Sequence[str], **more: str) -> bytes:
        """Clients pass over a sign of life whatever else is in it; SwarmUI has no frame for warnings."""
        told = {"keep_alive": True, "warnings": warnings, "request_id": self._request_id, **more}
        return msgspec.json.encode(told)

    def _wait(self, event: Waiting) -> Iterator[Frame]:
        self._waiting.add(event.index)
        self._mine.waiting_backends = len(self._waiting)
        yield self._status()

    def _load(self, event: Loading) -> Iterator[Frame]:
        self._loading.add(event.index)
        self._mine.loading_models = len(self._loading)
        yield self._status()

    def _start(self, event: Started) -> Iterator[Frame]:
        self._metadata[event.index] = event.metadata
        self._leave(event.index)
        yield self._status()
        self._live.add(event.index)
        self._mine.live_gens = len(self._live)
        yield self._status()

    def _requeued(self, event: Requeued) -> Iterator[Frame]:
        self._leave(event.index)
        yield self._status()

    def _leave(self, index: int) -> None:
        """The image is at none of the places the counters count."""
        for places in (self._waiting, self._loading, self._live):
            places.discard(index)
        self._mine.waiting_backends = len(self._waiting)
        self._mine.loading_models = len(self._loading)
        self._mine.live_gens = len(self._live)

    def _over(self, index: int) -> None:
        self._leave(index)
        self._metadata.pop(index, None)
        self._mine.waiting_gens -= 1

    # ---- pictures ------------------------------------------------------------------------------------------

    def _progress(self, event: Progressed) -> Iterator[Frame]:
        part = min(1.0, event.step / event.steps) if event.steps else 1.0
        head = b'{"gen_progress":{"batch_index":"%d%b,"overall_percent":%.4g,"current_percent":%.4g' % (
            self._offset + event.index,
            self._request,
            part,
            part,
        )
        steps = b',"step":%d,"steps":%d' % (event.step, event.steps)
        metadata = self._metadata.pop(event.index, None)
        if metadata is not None:
            yield head + b',"metadata":' + msgspec.json.encode(metadata) + steps + b"}}", None
        key = f"{self._offset + event.index}"
        if event.preview is not None:
            yield head + b',"preview":"' + PREVIEWS.url(event.preview) + b'"' + steps + b"}}", key
        elif metadata is None:
            yield head + steps + b"}}", f"{key}p"

    def _image(self, event: Imaged) -> Iterator[Frame]:
        if self._forwarded is not None:
            yield msgspec.json.encode({"raw_swarm_data": {"params_used": self._forwarded}}), None
        if event.warnings:
            yield self._warned(event.warnings, batch_index=str(self._offset + event.index)), None
        yield self.picture(event.url, event.metadata, self._offset + event.index), None
        self._over(event.index)
        yield self._status()
        yield KEEP_ALIVE, None

    def _intermediate(self, event: Intermediate) -> Iterator[Frame]:
        yield self.picture(event.url, event.metadata, FIRST_INTERMEDIATE - event.place), None

    def picture(self, url: str, metadata: str | None, batch_index: int) -> bytes:
        """The frame of a picture at an index of its own, counted over the whole socket."""
        return b'{"image":%b,"batch_index":"%d%b,"metadata":%b}' % (
            msgspec.json.encode(url),
            batch_index,
            self._request,
            msgspec.json.encode(metadata),
        )

    # ---- failures and ends ---------------------------------------------------------------------------------

    def _failed(self, event: ImageFailed) -> Iterator[Frame]:
        yield self._error(event.index, event.reason, event.extra), None
        self._over(event.index)
        yield self._status()
        yield KEEP_ALIVE, None

    def _cancelled(self, event: ImageCancelled) -> Iterator[Frame]:
        if event.was_running:
            yield self._error(event.index, INTERRUPTED), None
        self._over(event.index)
        if event.was_running:
            yield self._status()

    def _ended(self, event: Ended) -> Iterator[Frame]:
        if self._told != self._values():
            yield self._status()
        discarded = [self._offset + index for index in event.discarded]
        # Ours: whose end it is. With several requests on a socket a client could only guess.
        yield msgspec.json.encode({"discard_indices": discarded, "request_id": self._request_id}), None

    def _error(self, index: int, text: str, extra: Mapping[str, Any] | None = None) -> bytes:
        """An error frame that names, beyond SwarmUI's keys, the request and the image it is about."""
        about = {"batch_index": str(self._offset + index), "request_id": self._request_id}
        return error_frame(text, {**about, **(extra or {})})


def error_frame(text: str, extra: Mapping[str, Any] | None = None) -> bytes:
    """An error as a frame."""
    return msgspec.json.encode({"error": text, **(extra or {})})

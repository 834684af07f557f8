"""What happens to a job, as typed, owned, numbered values. Privacy is decided by the owner in the event."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Event(Struct, frozen=True, kw_only=True):
    """Common to all: `job` id, its owner `user`, the `session` it was sent from, the owner's `request_id`
    (1001, 1002, …), `number`, counting from 1 within the job, and `at`, unix seconds. A preview shares the
    number of the last numbered event."""

    job: str
    user: str
    session: str
    request_id: int
    number: int
    at: float = 0.0


class Queued(Event, frozen=True, kw_only=True, tag="queued"):
    """The job is durable; `images` pictures are promised. `warnings` tell what was left out of the request,
    a sentence each."""

    images: int
    warnings: tuple[str, ...] = ()


class Waiting(Event, frozen=True, kw_only=True, tag="waiting"):
    """Image `index` (0-based within the job) stands in line for an engine."""

    index: int


class Refused(Event, frozen=True, kw_only=True, tag="refused"):
    """Some engines never take the waiting images of the job; `reasons` has all of them as of now, a sentence
    an engine. Said when the job comes in, if there are any, and whenever they change."""

    reasons: tuple[str, ...]


class Loading(Event, frozen=True, kw_only=True, tag="loading"):
    """Image `index` has an engine, which loads `model` first."""

    index: int
    engine: int
    model: str


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """Image `index` is being drawn; `metadata` is the JSON text of what it will carry (marked as preview)."""

    index: int
    engine: int
    steps: int
    metadata: str


class Progressed(Event, frozen=True, kw_only=True, tag="progressed"):
    """Step `step` of `steps` is finished for image `index`; `preview` is JPEG bytes or None."""

    index: int
    step: int
    steps: int
    preview: bytes | None = None


class Imaged(Event, frozen=True, kw_only=True, tag="imaged"):
    """Image `index` is final: `url` is `View/…` (file and row are on disk) or a data URL when not saved.
    `warnings` tell what became of it before it was kept, such as being blurred, a sentence each."""

    index: int
    url: str
    metadata: str | None
    warnings: tuple[str, ...] = ()


class Intermediate(Event, frozen=True, kw_only=True, tag="intermediate"):
    """A picture came up on the way of image `index`, which goes on; `place` counts these within the job from
    0. `url` as in Imaged."""

    index: int
    place: int
    url: str
    metadata: str | None


class Requeued(Event, frozen=True, kw_only=True, tag="requeued"):
    """Image `index` lost its engine and went back in line once; `reason` says why."""

    index: int
    reason: str


class ImageFailed(Event, frozen=True, kw_only=True, tag="image_failed"):
    """Image `index` will not come; `reason` is a sentence for the user, `extra` more keys of the answer."""

    index: int
    reason: str
    extra: Mapping[str, Any] = {}


class ImageCancelled(Event, frozen=True, kw_only=True, tag="image_cancelled"):
    """Image `index` was interrupted; `was_running` tells whether drawing had begun."""

    index: int
    was_running: bool


class Ended(Event, frozen=True, kw_only=True, tag="ended"):
    """The job's last event. `state` is done, failed or cancelled; `discarded` are indices taken back."""

    state: str
    discarded: tuple[int, ...] = ()


JobEvent = (
    Queued
    | Waiting
    | Refused
    | Loading
    | Started
    | Progressed
    | Imaged
    | Intermediate
    | Requeued
    | ImageFailed
    | ImageCancelled
    | Ended
)


def weight(event: JobEvent) -> int:
    """Bytes of an event's texts, the small ones left out."""
    if isinstance(event, Imaged | Intermediate):
        return len(event.url) + len(event.metadata or "")
    return len(event.metadata) if isinstance(event, Started) else 0

"""What a user's webhook is sent: the body of an event, and the headers that prove whose it is. Pure."""

import hashlib
import hmac
from typing import Any

import msgspec

from hub.jobs.events import Ended, Event, ImageCancelled, Imaged, ImageFailed, JobEvent, Queued

KINDS: dict[type[Event], str] = {
    Queued: "queued",
    Imaged: "imaged",
    ImageFailed: "image_failed",
    ImageCancelled: "image_cancelled",
    Ended: "ended",
}
"""The events there are webhooks for, by their names in `/hub/v1/events`."""

TEST = "test"
"""The event of a trial."""

MOST_METADATA = 64 << 10
"""Characters of a picture's metadata above which they are left out."""


def kind_of(event: JobEvent) -> str | None:
    """The name under which webhooks know an event; None for those they are not told."""
    return KINDS.get(type(event))


def body_of(kind: str, event: JobEvent, outside: str) -> bytes:
    """The JSON of an event. `outside` is the hub's address ("" when unknown), put before a picture's path.

    A picture that was not saved is its own address and may weigh megabytes: its `url` is null then. The
    session is left out: it is the caller's, not the receiver's.
    """
    data: dict[str, Any] = msgspec.to_builtins(event)
    for gone in ("type", "session", "at"):
        data.pop(gone, None)
    if isinstance(event, Imaged):
        data["url"] = None if event.url.startswith("data:") else _absolute(event.url, outside)
        data["metadata"] = _metadata(event.metadata)
    return msgspec.json.encode({"event": kind, "at": event.at, "data": data})


def test_body(user: str, at: float) -> bytes:
    """The JSON of a trial."""
    return msgspec.json.encode({"event": TEST, "at": at, "data": {"user": user}})


def headers_of(delivery: str, kind: str, body: bytes, secret: str, now: int) -> dict[str, str]:
    """What goes along with a body. The signature covers the time (unix seconds) too, so that a receiver can
    refuse what somebody recorded and sends again: HMAC-SHA256 of `<time>.<body>`, in hex."""
    signature = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Hub-Delivery": delivery,
        "X-Hub-Event": kind,
        "X-Hub-Timestamp": str(now),
        "X-Hub-Signature": f"sha256={signature}",
    }


def secret_of(key: bytes, hook: str) -> str:
    """The secret of a webhook, made from the key file and its id: the database never holds it."""
    return "whsec_" + hmac.new(key, hook.encode(), hashlib.sha256).hexdigest()


def _absolute(url: str, outside: str) -> str:
    return f"{outside.rstrip('/')}/{url}" if outside else url


def _metadata(text: str | None) -> Any:
    if text is None or len(text) > MOST_METADATA:
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text

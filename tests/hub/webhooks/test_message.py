"""What a user's webhook is sent."""

import hashlib
import hmac
import json

from hub.jobs.events import Ended, Imaged, Loading
from hub.webhooks.message import MOST_METADATA, body_of, headers_of, kind_of, secret_of

WHO = {"job": "j", "user": "ann", "session": "secret", "request_id": 1001, "number": 7, "at": 12.5}


def imaged(url: str, metadata: str | None = None) -> dict[str, object]:
    event = Imaged(**WHO, index=0, url=url, metadata=metadata)  # type: ignore[arg-type]
    found: dict[str, object] = json.loads(body_of("imaged", event, "https://hub.example/"))["data"]
    return found


def test_the_body_of_an_end() -> None:
    event = Ended(**WHO, state="done")  # type: ignore[arg-type]
    assert json.loads(body_of("ended", event, "")) == {
        "event": "ended",
        "at": 12.5,
        "data": {
            "job": "j",
            "user": "ann",
            "request_id": 1001,
            "number": 7,
            "state": "done",
            "discarded": [],
        },
    }


def test_a_picture_by_its_whole_address() -> None:
    found = imaged("View/ann/a.png", '{"sui_image_params": {"seed": 1}}')
    assert found["url"] == "https://hub.example/View/ann/a.png"
    assert found["metadata"] == {"sui_image_params": {"seed": 1}}
    assert "session" not in found


def test_what_is_too_large_is_left_out() -> None:
    found = imaged("data:image/png;base64,AAAA", "x" * (MOST_METADATA + 1))
    assert (found["url"], found["metadata"]) == (None, None)


def test_there_are_no_webhooks_for_progress() -> None:
    assert kind_of(Loading(**WHO, index=0, engine=0, model="m")) is None  # type: ignore[arg-type]


def test_the_signature_covers_time_and_body() -> None:
    secret = secret_of(b"key", "hook")
    headers = headers_of("d1", "ended", b"{}", secret, 1700000000)
    expected = hmac.new(secret.encode(), b"1700000000.{}", hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature"] == f"sha256={expected}"
    assert (headers["X-Hub-Timestamp"], headers["X-Hub-Delivery"]) == ("1700000000", "d1")


def test_every_webhook_has_a_secret_of_its_own() -> None:
    assert len({secret_of(b"key", "a"), secret_of(b"key", "b"), secret_of(b"other", "a")}) == 3

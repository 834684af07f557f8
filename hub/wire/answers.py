"""One shape for every answer: a value becomes JSON bytes, an error becomes SwarmUI's envelope (swarm-api
§1.3)."""

import asyncio
import gzip
from collections.abc import AsyncGenerator
from typing import Any, Final

import msgspec

from hub.errors import HubError

Headers = list[tuple[bytes, bytes]]

encode: Final = msgspec.json.Encoder().encode
"""Any answer value (struct, dict, msgspec.Raw) as JSON bytes."""

decode: Final = msgspec.json.Decoder().decode
"""JSON bytes or text as plain values; raises msgspec.DecodeError."""


class Answer:
    """A whole HTTP answer as an ASGI app; lighter than a framework response on the hottest path."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: Headers) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self.body})


HEAD: Final = "hub.head"
"""Scope key of a HEAD request that is answered as a GET whose body is dropped: no long one need be made."""


class Streamed(Answer):
    """An answer that is made while it is sent, `pieces` of bytes, for as long as the client is there."""

    __slots__ = ("pieces",)

    def __init__(self, status: int, headers: Headers, pieces: AsyncGenerator[bytes, None]) -> None:
        super().__init__(status, b"", headers)
        self.pieces = pieces

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it. What goes wrong on the way cuts the connection: half an answer must not pass for all."""
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
            if not scope.get(HEAD):
                async for piece in self.pieces:
                    if gone.done():
                        return
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            await self.pieces.aclose()


async def _gone(receive: Any) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def json_answer(body: bytes, status: int = 200, extra: Headers | None = None) -> Answer:
    """Encoded JSON as an answer that no cache may keep."""
    headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"content-length", b"%d" % len(body)),
    ]
    if extra:
        headers += extra
    return Answer(status, body, headers)


PACKED_FROM: Final = 4096
"""Bytes from which an answer is packed for clients that take gzip."""

AWAY_FROM: Final = 1 << 18
"""Bytes from which packing would hold up everybody else and is done in a thread."""


async def packed(answer: Answer, accepted: bytes | None) -> Answer:
    """The answer, packed where it pays and the client takes it."""
    if len(answer.body) < PACKED_FROM or accepted is None or b"gzip" not in accepted:
        return answer
    body = answer.body
    if len(body) < AWAY_FROM:
        small = gzip.compress(body, 1, mtime=0)
    else:
        small = await asyncio.to_thread(gzip.compress, body, 1, mtime=0)
    kept = [(name, value) for name, value in answer.headers if name != b"content-length"]
    added = [
        (b"content-encoding", b"gzip"),
        (b"vary", b"Accept-Encoding"),
        (b"content-length", b"%d" % len(small)),
    ]
    return Answer(answer.status, small, kept + added)


def error_answer(error: HubError, extra: Headers | None = None) -> Answer:
    """A refusal as an HTTP answer with its own status; one that says when to come again says it in the header
    too (RFC 9110 §10.2.3)."""
    wait = error.extra.get("retry_after")
    if isinstance(wait, int):
        extra = [*(extra or ()), (b"retry-after", b"%d" % wait)]
    return json_answer(encode(error.body()), error.status, extra)


def redirect(place: str) -> Answer:
    """302 to a relative place (swarm-api §1.1)."""
    headers = [(b"location", place.encode()), (b"cache-control", b"no-store"), (b"content-length", b"0")]
    return Answer(302, b"", headers)


def text_answer(status: int, text: str, extra: Headers | None = None) -> Answer:
    """A plain sentence, for refusals that happen before anything of ours is reached."""
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"content-length", b"%d" % len(body)),
    ]
    return Answer(status, body, headers + (extra or []))


class Framing(HubError):
    """The request itself is malformed; `reason` is one of SwarmUI's sentences, `detail` says more."""

    def __init__(self, reason: str, detail: str = "", *, status: int = 400, **extra: Any) -> None:
        text = f"{reason}: {detail}" if detail else reason
        super().__init__(text, error_id="basic_api", status=status, **extra)


class NoRoute(HubError):
    """No route of that name; `socket` chooses the documented sentence."""

    def __init__(self, *, socket: bool) -> None:
        super().__init__("Unknown API route" + ("." if socket else ""), error_id="bad_route", status=400)


class WrongKind(HubError):
    """A socket call on a plain route, or the other way round."""

    def __init__(self, *, needs_socket: bool) -> None:
        needed, given = ("websocket", "HTTP") if needs_socket else ("HTTP", "websocket")
        super().__init__(
            f"API route needs {needed}, request is {given}", error_id="bad_request_method", status=400
        )


class NoResult(HubError):
    """A handler gave nothing back over HTTP."""

    def __init__(self) -> None:
        super().__init__("API call did not return any output", error_id="no_result", status=400)


class Stopping(HubError):
    """The hub stops while a call is still waiting."""

    def __init__(self) -> None:
        super().__init__(
            "The hub is stopping. Work it has accepted goes on after its restart; finished images are kept.",
            error_id="shutting_down",
            status=503,
        )


class Broken(HubError):
    """An uncaught exception; the log holds the rest under the same `trace` word."""

    def __init__(self, trace: str) -> None:
        super().__init__("An internal error occurred", error_id="internal_error", status=400, trace=trace)

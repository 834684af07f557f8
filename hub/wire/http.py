"""A POST (or a GET of ours) from its bytes to its answer."""

import asyncio
import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from hub.accounts import Caller
from hub.errors import HubError
from hub.wire.answers import (
    PACKED_FROM,
    Answer,
    Framing,
    NoResult,
    Stopping,
    decode,
    encode,
    error_answer,
    json_answer,
    packed,
)
from hub.wire.door import Door, header
from hub.wire.switchboard import Switchboard, as_error, session_id_of
from hub.wire.table import Bound

_JSON = re.compile(rb"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)


async def answer_post(
    board: Switchboard, shelf: dict[str, Bound], key: str, scope: Any, receive: Any
) -> Answer:
    """Answer one POST by the routes of `shelf`."""
    try:
        content_type = length = session = origin = host = accepted = site = None
        cookie = False
        for name, value in scope["headers"]:
            if name == b"content-type":
                content_type = value
            elif name == b"content-length":
                length = value
            elif name == b"x-session-id":
                session = value
            elif name == b"origin":
                origin = value
            elif name == b"host":
                host = value
            elif name == b"accept-encoding":
                accepted = value
            elif name == b"sec-fetch-site":
                site = value
            elif name == b"cookie":
                cookie = True
        if cookie and (origin is not None or site is not None):
            _check_origin(board, origin, host, site)
        body = await _read_body(content_type, length, board.most, receive)
        bound, caller = board.admit(shelf, key, session_id_of(body, session), scope, socket=False)
        answer = await _answer(bound, caller, body, scope)
        return answer if len(answer.body) < PACKED_FROM else await packed(answer, accepted)
    except asyncio.CancelledError:
        # The server cancels what still waits when its time to stop has run out: a sentence beats a cut line.
        if not board.stopping:
            raise
        return error_answer(Stopping())
    except Exception as problem:
        return error_answer(as_error(problem, f"POST {key}"))


async def answer_get(board: Switchboard, key: str, scope: Any) -> Answer:
    """Answer one GET of ours: the input is the query, the caller comes by header, cookie, token or as
    local user."""
    try:
        bound = board.table.reads.get(key)
        door = Door(scope)
        query = scope["query_string"].decode("latin-1")
        body: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=200))
        needed = bound is not None and bound.permission is not None
        caller = board.visitor(scope, door.headers.get("x-session-id")) if needed else None
        bound, caller = board.checked(bound, caller, socket=False)
        answer = await _answer(bound, caller, body, scope)
        return await packed(answer, header(scope, b"accept-encoding"))
    except Exception as problem:
        return error_answer(as_error(problem, f"GET {key}"))


async def _answer(bound: Bound, caller: Caller | None, body: dict[str, Any], scope: Any) -> Answer:
    arguments = bound.arguments(caller, body)
    if bound.takes_door is None:
        value = await bound.call(**arguments)
        return value if isinstance(value, Answer) else json_answer(_encoded(value))
    door = Door(scope)
    arguments[bound.takes_door] = door
    try:
        return json_answer(_encoded(await bound.call(**arguments)), extra=door.answers)
    except HubError as refusal:
        return error_answer(refusal, door.answers)


def _encoded(value: Any) -> bytes:
    if value is None:
        raise NoResult
    return encode(value)


def _check_origin(board: Switchboard, origin: bytes | None, host: bytes | None, site: bytes | None) -> None:
    refusal = board.gate.origin_refusal(origin, host, site)
    if refusal is not None:
        raise HubError(refusal, error_id="bad_origin", status=403, field="Origin")


async def _read_body(
    content_type: bytes | None, length: bytes | None, most: int, receive: Any
) -> dict[str, Any]:
    """The request's JSON object; raises Framing with SwarmUI's sentences (swarm-api §1.3)."""
    if content_type != b"application/json" and not (content_type and _JSON.fullmatch(content_type)):
        raise Framing("Wrong content type", field="Content-Type", limit="application/json")
    size = int(length) if length and length.isdigit() else 0
    if size <= 0:
        raise Framing("bad content length", field="Content-Length", limit="1 or more, sent in the header")
    if size > most:
        detail = f"the body may have at most {most} bytes (setting network.max_request_mib)"
        raise Framing("bad content length", detail, status=413, field="Content-Length", limit=most)
    event = await receive()
    data = event.get("body", b"")
    if event.get("more_body"):
        parts = [data]
        while event.get("more_body"):
            event = await receive()
            parts.append(event.get("body", b""))
        data = b"".join(parts)
    try:
        body = decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as wrong:
        raise Framing("null input", f"the body is not valid JSON: {wrong}", field="body") from wrong
    if not isinstance(body, dict):
        raise Framing("null input", "the body must be a JSON object", field="body")
    return body

"""A websocket call: accept, first frame, the same checks as a POST, the route, its last frame, close 1000."""

import asyncio
from typing import Any

from hub.errors import BadInput
from hub.wire.answers import Framing, encode
from hub.wire.door import Door, header
from hub.wire.stream import Closed, Stream
from hub.wire.switchboard import Switchboard, as_error, session_id_of
from hub.wire.table import Bound

LINK = "hub.link"
"""Scope extension under which our server offers the short way to a socket."""


async def converse(
    board: Switchboard, shelf: dict[str, Bound], key: str, scope: Any, receive: Any, send: Any
) -> None:
    """Hold one conversation; every failure is an error frame before a normal close (swarm-api §1.3)."""
    event = await receive()
    if event["type"] != "websocket.connect":
        return
    refusal = board.gate.origin_refusal(header(scope, b"origin"), header(scope, b"host"))
    if refusal is not None:
        await refuse_socket(scope, send, 403, refusal)
        return
    await send({"type": "websocket.accept"})
    network = board.settings.network
    stream = Stream(
        receive,
        send,
        limit=network.outbox_mib * 2**20,
        inbox_limit=board.most,
        link=scope.get("extensions", {}).get(LINK),
    )
    stream.start()
    session = [""]
    try:
        board.joined("", stream)
        result = await _serve(board, shelf, key, scope, stream, session)
        if result is not None:
            stream.push(encode(result))
    except Closed:
        pass
    except Exception as problem:
        stream.push(encode(as_error(problem, f"socket {key}").body()))
    finally:
        try:
            await stream.close()
        finally:
            board.left(session[0], stream)
            stream.stop()


async def _serve(
    board: Switchboard, shelf: dict[str, Bound], key: str, scope: Any, stream: Stream, session: list[str]
) -> Any:
    seconds = board.settings.network.first_frame_seconds
    try:
        body = await asyncio.wait_for(stream.receive(), seconds)
    except TimeoutError as late:
        raise Framing(
            "null input", f"no frame came within {seconds:g} s", field="frame", limit=seconds
        ) from late
    except BadInput as wrong:
        raise Framing("null input", wrong.text, **wrong.extra) from wrong
    session_id = session_id_of(body, header(scope, b"x-session-id"))
    bound, caller = board.admit(shelf, key, session_id, scope, socket=True)
    if caller is not None:
        board.left("", stream)
        session[0] = caller.session
        board.joined(caller.session, stream, caller, bound.permission)
    arguments = bound.arguments(caller, body)
    if bound.takes_stream:
        arguments[bound.takes_stream] = stream
    if bound.takes_door:
        arguments[bound.takes_door] = Door(scope)
    return await bound.call(**arguments)


async def refuse_socket(scope: Any, send: Any, status: int, text: str) -> None:
    """Refuse a socket before it is accepted: an HTTP answer where the server can, else a plain rejection."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1008, "reason": text[:100]})
        return
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": text.encode()})

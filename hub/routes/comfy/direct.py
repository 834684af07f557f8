"""`/ComfyBackendDirect/`: a ComfyUI server's own page and API, through the hub (swarm-api §1.1).

Whoever may use this can do all that ComfyUI can, so it stands behind a flag of its own, and starting a
generation behind a second one.
"""

import ssl
from collections.abc import AsyncIterator
from functools import cache
from http.cookies import SimpleCookie
from typing import Any, Final

import httpx
from litestar import asgi
from litestar.connection import ASGIConnection
from litestar.types import Receive, Send

from backends.comfyui_api.way import Way
from backends.pool import Pool
from hub.accounts import Caller
from hub.errors import Forbidden, HubError
from hub.routes.comfy.relay import MOUNT, homeward, is_foreign, is_prompt, onward, target
from hub.routes.comfy.tunnel import tunnel
from hub.routes.comfy.ways import way_to
from hub.safety import Safety
from hub.wire import Switchboard, error_answer, header, redirect, room_of, visitor_of

CHOSEN: Final = "comfy_backend"
"""The cookie with the number of the engine that a browser looks at; without it, the first one."""

GENERATE: Final = "comfy_backend_generate"
_TIMEOUT: Final = httpx.Timeout(120.0, connect=5.0)


@asgi(MOUNT, opt={"permission": "comfy_direct_calls"}, is_mount=True, copy_scope=False)
async def call_directly(scope: Any, receive: Receive, send: Send) -> None:
    """Hand a call or a socket on to the ComfyUI server and its answer back."""
    connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
    board: Switchboard = connection.app.state["board"]
    if scope["type"] == "websocket":
        await tunnel(board, scope, lambda: _way(connection))
        return
    try:
        origin = board.gate.origin_refusal(header(scope, b"origin"), header(scope, b"host"))
        if is_foreign(origin, header(scope, b"sec-fetch-site")):
            raise HubError(origin or "Pages of other sites may not call this hub.", status=403)
        if scope.get("raw_path", b"").lower().endswith(MOUNT.lower().encode()):
            await redirect(MOUNT.rpartition("/")[2] + "/")(
                scope, receive, send
            )  # its page's links are relative
            return
        await _hand_on(board, _way(connection), scope, receive, send)
    except HubError as refused:
        await error_answer(refused)(scope, receive, send)


def _way(connection: ASGIConnection[Any, Any, Any, Any]) -> Way:
    scope: Any = connection.scope
    room_of(connection, Safety).refuse_around(visitor_of(connection).limits)
    cookies = SimpleCookie((header(scope, b"cookie") or b"").decode("latin-1"))
    chosen = cookies[CHOSEN].value if CHOSEN in cookies else ""
    return way_to(room_of(connection, Pool), int(chosen) if chosen.isdecimal() else None)


async def _hand_on(board: Switchboard, way: Way, scope: Any, receive: Receive, send: Any) -> None:
    path = target(scope.get("raw_path", b""), scope["query_string"])
    caller: Caller = scope["state"]["caller"]
    if is_prompt(path, scope["method"]) and not caller.may(GENERATE):
        raise Forbidden(GENERATE)
    begun = False
    try:
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT, verify=_trust(), trust_env=False) as client,
            client.stream(
                scope["method"],
                way.address + path,
                headers=onward(scope["headers"], way.headers),
                content=_body(scope, receive, board.most),
            ) as answer,
        ):
            headers = homeward(answer.headers.raw, fresh=way.fresh)
            await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
            begun = True
            async for piece in answer.aiter_raw():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
    except httpx.HTTPError as trouble:
        if not begun:
            raise HubError(
                "The ComfyUI server did not answer; look at its engine on the Backends page.", status=502
            ) from trouble
    if begun:
        await send({"type": "http.response.body", "body": b""})


async def _body(scope: Any, receive: Receive, most: int) -> AsyncIterator[bytes]:
    """The caller's body piece by piece; raises HubError for one longer than `most` bytes."""
    size = 0
    while scope["method"] not in ("GET", "HEAD"):
        event: Any = await receive()
        if event["type"] != "http.request":
            raise HubError("The caller left.", status=400)
        piece = event.get("body", b"")
        size += len(piece)
        if size > most:
            raise HubError(f"The request is longer than {most >> 20} MiB.", status=413)
        if piece:
            yield piece
        if not event.get("more_body"):
            return


@cache
def _trust() -> ssl.SSLContext:
    """Reading the trusted certificates takes as long as a hundred small calls."""
    return ssl.create_default_context()

"""Builds the application from the rooms. It lists rooms, not routes, so features do not touch it."""

import logging
from collections.abc import Iterable
from typing import Any

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.exceptions import HTTPException, NotFoundException
from litestar.response import Response
from litestar.types import Receive, Scope, Send

from hub.errors import HubError
from hub.lifespan import make_lifespan
from hub.settings import Settings
from hub.wire.address import Place
from hub.wire.answers import HEAD, encode, redirect, text_answer
from hub.wire.arrival import ARRIVAL, Arrival, Proxies
from hub.wire.discover import check_flags, find_handlers, find_modules, find_routes
from hub.wire.door import PLACE, header
from hub.wire.handlers import ENDS, api_handler, make_guard, own_handler, schema_handler
from hub.wire.outgoing import Outgoing, preflight
from hub.wire.route import API, OWN, Route
from hub.wire.socket import refuse_socket
from hub.wire.switchboard import Switchboard, as_error
from permissions import FLAGS

_log = logging.getLogger("hub.wire")
MISDIRECTED = 421
NOT_FOUND = "/Error/404"
NOWHERE = "/-"
"""A path that no route has."""


class Hub(Litestar):
    """The Litestar application with our door before it: who asks, host names, the base path, letter case of
    prefixes, CORS."""

    board: Switchboard
    place: Place
    proxies: Proxies
    outgoing: Outgoing
    told_of_proxy = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Judge the Host, spell the prefix as declared, then let Litestar route."""
        kind: str = scope["type"]
        if kind == "lifespan":
            await super().__call__(scope, receive, send)
            return
        self._receive_from(scope)
        if kind == "http":
            send = self.outgoing(scope, send)
        refusal = self.board.gate.host_refusal(scope[ARRIVAL].host)
        if refusal is not None:
            await _refuse(scope, receive, send, refusal)
            return
        path: str = scope["path"]
        if self.place.base:
            scope["path"] = path = self.place.inner(path) or NOWHERE
            if path is NOWHERE and kind == "http":
                await redirect("/")(scope, receive, send)
                return
        if path[:5] != API:
            scope["path"] = path = _spelled(path)
            if kind == "http" and scope["method"] == "HEAD" and not path.startswith(API):
                # A copy: uvicorn must still see that no body is due.
                scope = {**scope, "method": "GET", HEAD: True}
                send = _without_body(send)
        if kind == "websocket":
            scope[ENDS] = (receive, send)
        elif self.board.settings.network.allow_origins:
            origin = header(scope, b"origin")
            if origin is not None and self.board.gate.may_read(origin):
                if scope["method"] == "OPTIONS":
                    await text_answer(204, "", preflight(scope))(scope, receive, send)
                    return
        await super().__call__(scope, receive, send)

    def _receive_from(self, scope: Any) -> None:
        """Settle where the request comes from before anybody asks."""
        client = scope.get("client")
        headers = scope["headers"]
        arrival = self.proxies.arrival(str(client[0]) if client else "", scope["scheme"], headers)
        scope[ARRIVAL], scope[PLACE] = arrival, self.place
        if not arrival.direct:
            self._tell_of_proxy(client, arrival)
            scope["client"] = (arrival.client, 0)
            scope["scheme"] = arrival.scheme
            if arrival.host is not None:  # from here on there is one host: the one that was asked for
                kept = [pair for pair in headers if pair[0] != b"host"]
                scope["headers"] = [*kept, (b"host", arrival.host)]

    def _tell_of_proxy(self, client: Any, arrival: Arrival) -> None:
        """Say once that a proxy is not named: everybody behind it counts as one, sign-in tries included."""
        if client and arrival.vias and client[0] == arrival.client and not self.told_of_proxy:
            self.told_of_proxy = True
            _log.warning(
                "Requests come from %s with X-Forwarded-For, and network.proxies does not name it: if that "
                "is your proxy, name it, or everybody behind it counts as one address (docs/proxy.md).",
                arrival.client,
            )


def build(settings: Settings, extra_routes: Iterable[Route] = ()) -> Hub:
    """The whole application; raises Undeclared for a route that names no known permission."""
    modules = find_modules()
    routes = (*find_routes(modules), *extra_routes)
    handlers = find_handlers(modules)
    check_flags(routes, handlers, FLAGS)
    board = Switchboard(settings, routes)
    app = Hub(
        route_handlers=[api_handler(board), own_handler(board), schema_handler(board), *handlers],
        guards=[make_guard(board)],
        exception_handlers={
            NotFoundException: _send_to_404,
            HTTPException: _answer_http,
            HubError: _answer_refusal,
            Exception: _answer_broken,
        },
        lifespan=[make_lifespan(board)],
        state=State({"board": board}),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # bodies are measured by the wire before they are read
    )
    app.board = board
    app.place = Place(settings.network)
    app.proxies = Proxies(settings.network)
    app.outgoing = Outgoing(settings.network, app.place, board.gate)
    return app


def _spelled(path: str) -> str:
    """A path with its prefix in the declared letter case; SwarmUI matches prefixes in any.

    The framework's mounts match by the mere beginning: without the last case `/APIanything` would be taken
    for one of ours.
    """
    lower = path.lower()
    for mount in (API.rstrip("/"), OWN):
        if lower == mount.lower() or lower.startswith(mount.lower() + "/"):
            return mount + path[len(mount) :]
        if lower.startswith(mount.lower()):
            return NOWHERE
    return path


async def _refuse(scope: Scope, receive: Receive, send: Send, text: str) -> None:
    if str(scope["type"]) == "websocket":
        await receive()
        await refuse_socket(scope, send, MISDIRECTED, text)
    else:
        await text_answer(MISDIRECTED, text)(scope, receive, send)


def _without_body(send: Any) -> Any:
    """HEAD is GET without its body: pages, pictures and reads then answer it alike."""

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return sending


def _json(error: HubError) -> Response[bytes]:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(
        encode(error.body()), status_code=error.status, media_type="application/json", headers=headers
    )


def _send_to_404(request: Request[Any, Any, Any], problem: NotFoundException) -> Response[bytes]:
    answer = redirect(NOT_FOUND)
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(b"", status_code=answer.status, headers=headers, media_type="text/plain")


def _answer_http(request: Request[Any, Any, Any], problem: HTTPException) -> Response[bytes]:
    response = _json(HubError(problem.detail, error_id="bad_request", status=problem.status_code))
    for name, value in (problem.headers or {}).items():
        response.headers[name] = value
    return response


def _answer_refusal(request: Request[Any, Any, Any], problem: HubError) -> Response[bytes]:
    return _json(problem)


def _answer_broken(request: Request[Any, Any, Any], problem: Exception) -> Response[bytes]:
    broken = as_error(problem, f"{request.method} {request.url.path}")
    return _json(HubError(broken.text, error_id=broken.error_id, status=500, **broken.extra))

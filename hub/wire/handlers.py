"""The few Litestar handlers behind which the whole table of routes stands, and the guard that denies the
rest.

One POST, one socket and one handler for all other methods on `/API/{name}` answer every case of both kinds as
SwarmUI does; separate handlers per route would leave wrong methods and unknown names to the framework's
own bodies.
"""

from typing import Any, TypeVar, cast

from litestar import Request, WebSocket, get, post, route, websocket
from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp

from hub import __version__
from hub.accounts import Caller
from hub.errors import Forbidden
from hub.wire.answers import encode, json_answer, redirect
from hub.wire.describe import openapi
from hub.wire.door import header
from hub.wire.http import answer_get, answer_post
from hub.wire.route import API, OWN
from hub.wire.socket import converse
from hub.wire.switchboard import Switchboard

TABLE = {"permission": None, "table": True}
"""Options of the handlers whose routes are checked one by one in the table behind them."""

NO_GET = "/Error/NoGetAPI"
API_PATHS = [API.rstrip("/"), API + "{name:path}"]
OWN_PATHS = [OWN, OWN + "/{name:path}"]


def api_handlers(board: Switchboard) -> list[BaseRouteHandler]:
    """The handlers of `/API/<name>`."""
    skip = len(API)

    @post(API_PATHS, opt=TABLE, status_code=200, include_in_schema=False)
    async def call_api(request: Request[Any, Any, Any]) -> ASGIApp:
        scope = request.scope
        return await answer_post(board, board.table.api, scope["path"][skip:].lower(), scope, request.receive)

    @route(
        API_PATHS,
        http_method=["GET", "HEAD", "PUT", "DELETE", "PATCH"],
        opt=TABLE,
        status_code=200,
        include_in_schema=False,
    )
    async def refuse_method(request: Request[Any, Any, Any]) -> ASGIApp:
        return redirect(NO_GET)

    @websocket(API_PATHS, opt=TABLE)
    async def talk_api(socket: WebSocket[Any, Any, Any]) -> None:
        scope = socket.scope
        receive, send = ends_of(scope)
        await converse(board, board.table.api, scope["path"][skip:].lower(), scope, receive, send)

    return [call_api, refuse_method, talk_api]


def own_handlers(board: Switchboard) -> list[BaseRouteHandler]:
    """The handlers of `/hub/v1/<path>`."""
    skip = len(OWN)

    @post(OWN_PATHS, opt=TABLE, status_code=200, include_in_schema=False)
    async def call_own(request: Request[Any, Any, Any]) -> ASGIApp:
        scope = request.scope
        return await answer_post(board, board.table.own, scope["path"][skip:].lower(), scope, request.receive)

    @get(OWN_PATHS, opt=TABLE, status_code=200, include_in_schema=False)
    async def read_own(request: Request[Any, Any, Any]) -> ASGIApp:
        return await answer_get(board, request.scope["path"][skip:].lower(), request.scope)

    @websocket(OWN_PATHS, opt=TABLE)
    async def talk_own(socket: WebSocket[Any, Any, Any]) -> None:
        scope = socket.scope
        receive, send = ends_of(scope)
        await converse(board, board.table.own, scope["path"][skip:].lower(), scope, receive, send)

    return [call_own, read_own, talk_own]


def schema_handler(board: Switchboard) -> BaseRouteHandler:
    """The OpenAPI description of every route, for readers and generators; needs no session."""

    @get("/schema/openapi.json", opt={"permission": None}, status_code=200, include_in_schema=False)
    async def show_openapi(request: Request[Any, Any, Any]) -> ASGIApp:
        return json_answer(encode(openapi(board.routes, __version__)))

    return show_openapi


ENDS = "hub.ends"
"""Scope key of the server's own receive and send, without the framework's wrappers."""


def ends_of(scope: Any) -> tuple[Any, Any]:
    """The server's own receive and send of a socket."""
    ends: tuple[Any, Any] = scope[ENDS]
    return ends


def make_guard(board: Switchboard) -> Any:
    """The app-wide guard: no `permission` mark, no entry. A flag is checked against the visitor, who is
    then found under `visitor_of`. Async on purpose: a plain guard is sent to a thread on every request."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        mark = handler.opt
        if "table" in mark:
            return
        if "permission" not in mark:
            raise PermissionDeniedException("This address declares no permission, so nobody may use it.")
        flag = mark["permission"]
        if flag is None:
            return
        scope: Any = connection.scope
        session = header(scope, b"x-session-id")
        caller = board.visitor(scope, session.decode("latin-1") if session else None)
        if not caller.may(flag):
            raise Forbidden(flag)
        scope["state"]["caller"] = caller

    return guard


def visitor_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """The checked caller of a page or file handler that declares a permission flag."""
    caller: Caller = connection.scope["state"]["caller"]
    return caller


Room = TypeVar("Room")


def room_of(connection: ASGIConnection[Any, Any, Any, Any], kind: type[Room]) -> Room:
    """A room of the running hub, for page and file handlers."""
    board: Switchboard = connection.app.state["board"]
    return cast("Room", board.rooms[kind])

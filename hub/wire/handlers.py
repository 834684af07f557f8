"""The two Litestar handlers behind which the whole table of routes stands, and the guard that denies the
rest.

One handler on `/API` takes every method and sockets, and so answers every case of both kinds as SwarmUI does;
separate handlers per route would leave wrong methods and unknown names to the framework's own bodies. They
are raw ASGI handlers because request objects and argument parsing of the framework cost a quarter of a
small call.
"""

from typing import Any, TypeVar, cast

from litestar import Request, asgi, get
from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Receive, Send

from hub import __version__
from hub.accounts import Caller
from hub.errors import Forbidden, HubError
from hub.wire.address import base_path
from hub.wire.answers import encode, error_answer, json_answer, redirect
from hub.wire.describe import openapi
from hub.wire.door import header
from hub.wire.http import answer_get, answer_post
from hub.wire.route import API, OWN
from hub.wire.socket import converse
from hub.wire.switchboard import Switchboard

TABLE = {"permission": None, "table": True}
"""Options of the handlers whose routes are checked one by one in the table behind them."""

NO_GET = "/Error/NoGetAPI"


def api_handler(board: Switchboard) -> BaseRouteHandler:
    """The handler of `/API/<name>`: POST and sockets by the table, any other method to the page that says
    so."""

    @asgi(API.rstrip("/"), opt=TABLE, is_mount=True, copy_scope=False)
    async def answer_api(scope: Any, receive: Receive, send: Send) -> None:
        key = scope["path"].strip("/").lower()
        if scope["type"] == "websocket":
            await converse(board, board.table.api, key, scope, *ends_of(scope))
        elif scope["method"] == "POST":
            answer = await answer_post(board, board.table.api, key, scope, receive)
            await answer(scope, receive, send)
        else:
            await redirect(NO_GET)(scope, receive, send)

    return answer_api


def own_handler(board: Switchboard) -> BaseRouteHandler:
    """The handler of `/hub/v1/<path>`: POST, GET and sockets by the table."""

    @asgi(OWN, opt=TABLE, is_mount=True, copy_scope=False)
    async def answer_own(scope: Any, receive: Receive, send: Send) -> None:
        key = "/" + scope["path"].strip("/").lower()
        if scope["type"] == "websocket":
            await converse(board, board.table.own, key, scope, *ends_of(scope))
            return
        method: str = scope["method"]
        taken = {
            name for name, shelf in (("POST", board.table.own), ("GET", board.table.reads)) if key in shelf
        }
        if taken and method not in taken:
            allowed = " or ".join(sorted(taken))
            refusal = HubError(f"This address takes {allowed}.", error_id="bad_request_method", status=405)
            answer = error_answer(refusal, [(b"allow", ", ".join(sorted(taken)).encode())])
        elif method == "GET":
            answer = await answer_get(board, key, scope)
        else:
            answer = await answer_post(board, board.table.own, key, scope, receive)
        await answer(scope, receive, send)

    return answer_own


def schema_handler(board: Switchboard) -> BaseRouteHandler:
    """The OpenAPI description of every route, for readers and generators; needs no session."""

    @get("/schema/openapi.json", opt={"permission": None}, status_code=200, include_in_schema=False)
    async def show_openapi(request: Request[Any, Any, Any]) -> ASGIApp:
        base = base_path(board.settings.network.base_path)
        return json_answer(encode(openapi(board.routes, __version__) | {"servers": [{"url": base or "/"}]}))

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
        caller = board.visitor(scope, None if session is None else session.decode("latin-1"))
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

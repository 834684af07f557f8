"""Every declared route against every role, generated from the declarations: who lacks the flag is refused.

A new route of any family is in here by being declared. Refusals are driven over HTTP and sockets; that
holders of the flag are let in is asked of the same switch board without running the route (some would stop
the server).
"""

import json

import pytest
import pytest_asyncio
from litestar.handlers import HTTPRouteHandler

from hub.accounts import Accounts
from hub.errors import Forbidden
from hub.wire.discover import find_handlers, find_modules, find_routes
from hub.wire.route import Route
from permissions import FLAGS, ROLES, has
from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODULES = find_modules()
ROUTES = find_routes(MODULES)
GUARDED = [route for route in ROUTES if route.permission is not None]
PAGES = [
    handler
    for handler in find_handlers(MODULES)
    if isinstance(handler, HTTPRouteHandler) and handler.opt.get("permission") is not None
]
EVERYBODY = (*ROLES, "no role at all")
OPEN = {"GetNewSession", "Login", "RegisterBasic"}


def pairs(*, allowed: bool) -> list[tuple[Route, str]]:
    """(route, role) for every role that holds the route's flag, or lacks it."""
    return [
        (route, role)
        for route in GUARDED
        for role in EVERYBODY
        if has(ROLES[role].flags if role in ROLES else (), str(route.permission)) is allowed
    ]


def named(value: object) -> str | None:
    return value.name if isinstance(value, Route) else None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sessions(shared_hub: RunningHub) -> dict[str, str]:
    """A session for each role."""
    return {role: await shared_hub.session_as(role.replace(" ", "_")) for role in EVERYBODY}


async def answer_of(hub: RunningHub, route: Route, session: str | None) -> tuple[int, dict[str, object]]:
    """Status and body (for a socket: 0 and the first frame) of a call with an otherwise empty body."""
    body = {} if session is None else {"session_id": session}
    if route.socket:
        async with hub.socket(route.path) as socket:
            await socket.send(json.dumps(body))
            return 0, json.loads(await socket.recv())
    if route.method == "GET":
        headers = {"X-Forwarded-For": "9.9.9.9"} if session is None else {"X-Session-ID": session}
        answer = await hub.http.get(route.path, headers=headers)
    else:
        answer = await hub.post(route.path, body)
    return answer.status_code, answer.json()


async def test_only_these_are_open_to_callers_without_a_session() -> None:
    assert {
        route.name for route in ROUTES if route.permission is None and route.path.startswith("/API/")
    } == OPEN


async def test_every_flag_a_route_names_exists() -> None:
    assert {route.permission for route in GUARDED} <= FLAGS.keys()


@pytest.mark.parametrize(("route", "role"), pairs(allowed=False), ids=named)
async def test_a_role_without_the_flag_is_refused(
    shared_hub: RunningHub, sessions: dict[str, str], route: Route, role: str
) -> None:
    status, body = await answer_of(shared_hub, route, sessions[role])
    assert status in (0, 400)
    assert body == {
        "error_id": "bad_permissions",
        "error": "You lack permissions for this route.",
        "permission": route.permission,
    }


@pytest.mark.parametrize("route", GUARDED, ids=named)
async def test_without_a_session_nobody_gets_in(shared_hub: RunningHub, route: Route) -> None:
    status, body = await answer_of(shared_hub, route, None)
    if route.method == "GET" and not route.socket:
        assert (status, body["error_id"]) == (401, "invalid_session_id")
    else:
        assert (status or 400, body["error_id"]) == (400, "basic_api")


@pytest.mark.parametrize("route", GUARDED, ids=named)
async def test_a_dead_session_gets_nobody_in(shared_hub: RunningHub, route: Route) -> None:
    status, body = await answer_of(shared_hub, route, "F" * 40)
    assert (status or 401, body["error_id"]) == (401, "invalid_session_id")


async def test_a_role_with_the_flag_is_let_in(shared_hub: RunningHub, sessions: dict[str, str]) -> None:
    board = shared_hub.app.board
    for route, role in pairs(allowed=True):
        shelf = board.table.shelf(route)
        bound, caller = board.admit(shelf, route.key, sessions[role], socket=route.socket)
        assert bound.route is route
        assert caller is not None


async def test_a_lost_role_closes_the_door_at_once(shared_hub: RunningHub) -> None:
    accounts = shared_hub.room(Accounts)
    await accounts.users.add("fallen", roles=("owner",))
    session = await accounts.sessions.issue("fallen")
    board = shared_hub.app.board
    board.admit(board.table.api, "getusersettings", session, socket=False)
    await accounts.users.set_roles("fallen", ())
    accounts.sessions.refresh("fallen")
    with pytest.raises(Forbidden):
        board.admit(board.table.api, "getusersettings", session, socket=False)


@pytest.mark.parametrize("handler", PAGES, ids=lambda handler: min(handler.paths))
async def test_pages_and_files_refuse_who_lacks_the_flag(
    shared_hub: RunningHub, sessions: dict[str, str], handler: HTTPRouteHandler
) -> None:
    path = min(handler.paths).partition("{")[0] + "x/y.png"
    answer = await shared_hub.http.get(path, headers={"X-Session-ID": sessions["no role at all"]})
    assert (answer.status_code, answer.json()["error_id"]) == (400, "bad_permissions")
    answer = await shared_hub.http.get(path, headers={"X-Session-ID": "F" * 40})
    assert (answer.status_code, answer.json()["error_id"]) == (401, "invalid_session_id")

"""Every declared route against every role and every credential that is dead, generated from the declarations.

A new route of any family is in here by being declared. Refusals are driven over HTTP and sockets; that
holders of the flag are let in is asked of the same switch board without running the route (some would stop
the server). tests/swarm_api/dead.py makes the dead credentials.
"""

import json

import pytest
import pytest_asyncio
import websockets
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler

from hub.accounts import Accounts
from hub.errors import Forbidden
from hub.wire.discover import find_handlers, find_modules, find_routes
from hub.wire.route import Route
from permissions import FLAGS, ROLES, has
from tests.hub.running import RunningHub
from tests.swarm_api.dead import DEAD, DEAD_TOKENS, partial

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODULES = find_modules()
ROUTES = find_routes(MODULES)
GUARDED = [route for route in ROUTES if route.permission is not None]
HANDLERS = [found for found in find_handlers(MODULES) if found.opt.get("permission") is not None]
PAGES = [handler for handler in HANDLERS if isinstance(handler, HTTPRouteHandler)]
MOUNTS = [handler for handler in HANDLERS if isinstance(handler, ASGIRouteHandler)]
PUBLIC = {
    "/",
    "/{name:str}",
    "/Error/{name:str}",
    "/Generate",
    "/Text2Image",
    "/assets/{name:path}",
    "/favicon.ico",
}
PUBLIC |= {"/imgs/model_placeholder.jpg", "/OpenID/{name:str}", "/OpenID/{name:str}/back"}
NOBODY: dict[str, list[object]] = {"headers": []}
"""A connection that says nothing of itself."""
ELSEWHERE = {"X-Forwarded-For": "9.9.9.9"}
"""What keeps a test on this machine from counting as the local owner."""
EVERYBODY = (*ROLES, "no role at all")
OPEN = {"GetNewSession", "Login", "RegisterBasic", "RegisterOAuth"}
OPEN_READS = {"/health", "/ready", "/sign_in"}


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


async def answer_of(
    hub: RunningHub, route: Route, session: str | None, **headers: str
) -> tuple[int, dict[str, object]]:
    """Status and body (for a socket: 0 and the first frame) of a call with an otherwise empty body."""
    body = {} if session is None else {"session_id": session}
    if route.socket:
        async with hub.socket(route.path, additional_headers=headers) as socket:
            await socket.send(json.dumps(body))
            return 0, json.loads(await socket.recv())
    if route.method == "GET":
        headers |= {} if session is None else {"X-Session-ID": session}
        answer = await hub.http.get(route.path, headers=headers)
    else:
        answer = await hub.post(route.path, body, **headers)
    return answer.status_code, answer.json()


def place_of(handler: HTTPRouteHandler | ASGIRouteHandler) -> str:
    """An address that the handler answers."""
    return min(handler.paths).partition("{")[0].rstrip("/") + "/x/y.png"


async def socket_refusal(hub: RunningHub, path: str, **headers: str) -> int:
    """The status with which a socket is refused before it is open."""
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with hub.socket(path, additional_headers=headers):
            pass
    return int(refused.value.response.status_code)


async def test_only_these_are_open_to_callers_without_a_session() -> None:
    free = {route.name for route in ROUTES if route.permission is None}
    assert {name for name in free if not name.startswith("/")} == OPEN
    assert {name for name in free if name.startswith("/")} == OPEN_READS
    open_to_all = [found for found in find_handlers(MODULES) if found.opt.get("permission") is None]
    assert {path for handler in open_to_all for path in handler.paths} == PUBLIC


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
    status, body = await answer_of(shared_hub, route, None, **ELSEWHERE)
    if route.method == "GET" and not route.socket:
        assert (status, body["error_id"]) == (401, "invalid_session_id")
    else:
        assert (status or 400, body["error_id"]) == (400, "basic_api")


@pytest.mark.parametrize("dead", DEAD)
@pytest.mark.parametrize("route", GUARDED, ids=named)
async def test_a_dead_session_gets_nobody_in(shared_hub: RunningHub, route: Route, dead: str) -> None:
    status, body = await answer_of(shared_hub, route, await DEAD[dead](shared_hub))
    assert (status or 401, body["error_id"]) == (401, "invalid_session_id")


@pytest.mark.parametrize("dead", DEAD_TOKENS)
@pytest.mark.parametrize("carried", ["authorization", "cookie"])
@pytest.mark.parametrize("route", GUARDED, ids=named)
async def test_a_dead_token_gets_nobody_in(
    shared_hub: RunningHub, route: Route, carried: str, dead: str
) -> None:
    token = await DEAD_TOKENS[dead](shared_hub)
    said = {"authorization": f"Bearer {token}", "cookie": f"swarm_token={token}"}[carried]
    status, body = await answer_of(shared_hub, route, None, **ELSEWHERE, **{carried: said})
    expected = "invalid_session_id" if route.method == "GET" and not route.socket else "basic_api"
    assert body["error_id"] == expected
    assert status in (0, 400, 401)


@pytest.mark.parametrize("route", [route for route in GUARDED if route.method == "GET"], ids=named)
async def test_a_wrong_bearer_is_refused_even_on_this_machine(shared_hub: RunningHub, route: Route) -> None:
    """Falling back to the local owner would hide a revoked token from who uses it."""
    for make in DEAD_TOKENS.values():
        bearer = {"authorization": f"Bearer {await make(shared_hub)}"}
        status, body = await answer_of(shared_hub, route, None, **bearer)
        if route.socket:
            assert body["error_id"] == "basic_api"
        else:
            assert (status, body["error_id"]) == (401, "invalid_session_id")


@pytest.mark.parametrize("route", GUARDED, ids=named)
async def test_a_token_of_an_owner_without_the_flag_is_refused(shared_hub: RunningHub, route: Route) -> None:
    """All flags but one are not enough, whoever made the token: by a session of it, and by itself."""
    text, session = await partial(shared_hub, str(route.permission))
    refused = [await answer_of(shared_hub, route, session)]
    if route.method == "GET" and not route.socket:
        refused.append(await answer_of(shared_hub, route, None, authorization=f"Bearer {text}"))
    for _, body in refused:
        assert (body["error_id"], body["permission"]) == ("bad_permissions", route.permission)


ODD_METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_no_other_method_reaches_a_route(shared_hub: RunningHub, route: Route) -> None:
    """With the owner's own session: whatever a method means elsewhere, here it runs nothing."""
    headers = {"X-Session-ID": shared_hub.session}
    reads = route.path.lower() in {found.path.lower() for found in ROUTES if found.method == "GET"}
    for method in ODD_METHODS:
        if reads and method in ("GET", "HEAD"):
            continue
        answer = await shared_hub.http.request(method, route.path, headers=headers)
        if route.path.startswith("/API/"):
            assert (answer.status_code, answer.headers["location"]) == (302, "/Error/NoGetAPI"), method
        else:
            assert answer.status_code in (400, 405), method


async def test_a_role_with_the_flag_is_let_in(shared_hub: RunningHub, sessions: dict[str, str]) -> None:
    board = shared_hub.app.board
    for route, role in pairs(allowed=True):
        shelf = board.table.shelf(route)
        bound, caller = board.admit(shelf, route.key, sessions[role], NOBODY, socket=route.socket)
        assert bound.route is route
        assert caller is not None


async def test_a_lost_role_closes_the_door_at_once(shared_hub: RunningHub) -> None:
    accounts = shared_hub.room(Accounts)
    await accounts.users.add("fallen", roles=("owner",))
    session = await accounts.sessions.issue("fallen")
    board = shared_hub.app.board
    board.admit(board.table.api, "getusersettings", session, NOBODY, socket=False)
    await accounts.users.set_roles("fallen", ())
    accounts.sessions.refresh("fallen")
    with pytest.raises(Forbidden):
        board.admit(board.table.api, "getusersettings", session, NOBODY, socket=False)


@pytest.mark.parametrize("handler", [*PAGES, *MOUNTS], ids=place_of)
class TestPagesAndFiles:
    async def test_they_refuse_who_lacks_the_flag(
        self, shared_hub: RunningHub, sessions: dict[str, str], handler: HTTPRouteHandler | ASGIRouteHandler
    ) -> None:
        lacking = [r for r in EVERYBODY if not has(ROLES[r].flags if r in ROLES else (), flag_of(handler))]
        assert "no role at all" in lacking
        text, session = await partial(shared_hub, flag_of(handler))
        asked = [{"X-Session-ID": sessions[role]} for role in lacking]
        for headers in [*asked, {"X-Session-ID": session}, {"Authorization": f"Bearer {text}"}]:
            answer = await shared_hub.http.get(place_of(handler), headers=headers)
            assert (answer.status_code, answer.json()["error_id"]) == (400, "bad_permissions")
            assert answer.json()["permission"] == flag_of(handler)

    @pytest.mark.parametrize("dead", DEAD)
    async def test_they_refuse_a_dead_session(
        self, shared_hub: RunningHub, handler: HTTPRouteHandler | ASGIRouteHandler, dead: str
    ) -> None:
        session = await DEAD[dead](shared_hub)
        answer = await shared_hub.http.get(place_of(handler), headers={"X-Session-ID": session})
        assert (answer.status_code, answer.json()["error_id"]) == (401, "invalid_session_id")

    async def test_they_refuse_strangers_and_dead_tokens(
        self, shared_hub: RunningHub, handler: HTTPRouteHandler | ASGIRouteHandler
    ) -> None:
        asked = [ELSEWHERE]
        for make in DEAD_TOKENS.values():
            token = await make(shared_hub)
            asked += [{"Authorization": f"Bearer {token}"}, {**ELSEWHERE, "Cookie": f"swarm_token={token}"}]
        for headers in asked:
            answer = await shared_hub.http.get(place_of(handler), headers=headers)
            assert (answer.status_code, answer.json()["error_id"]) == (401, "invalid_session_id")

    async def test_no_method_but_reading_reaches_a_page(
        self, shared_hub: RunningHub, handler: HTTPRouteHandler | ASGIRouteHandler
    ) -> None:
        """A mount hands every method on, so there it must be refused for want of the flag instead."""
        session = await shared_hub.session_as("no_role_at_all")
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            answer = await shared_hub.http.request(
                method, place_of(handler), headers={"X-Session-ID": session}
            )
            if isinstance(handler, ASGIRouteHandler):
                assert answer.json()["error_id"] == "bad_permissions", method
            else:
                assert answer.status_code in (403, 405), method


@pytest.mark.parametrize("handler", MOUNTS, ids=place_of)
async def test_a_socket_to_a_mount_is_refused_before_it_is_open(
    shared_hub: RunningHub, sessions: dict[str, str], handler: ASGIRouteHandler
) -> None:
    path = place_of(handler)
    assert await socket_refusal(shared_hub, path, **ELSEWHERE) == 403
    for role in EVERYBODY:
        if not has(ROLES[role].flags if role in ROLES else (), flag_of(handler)):
            assert await socket_refusal(shared_hub, path, **{"X-Session-ID": sessions[role]}) == 403
    for make in DEAD.values():
        assert await socket_refusal(shared_hub, path, **{"X-Session-ID": await make(shared_hub)}) == 403


def flag_of(handler: HTTPRouteHandler | ASGIRouteHandler) -> str:
    return str(handler.opt["permission"])

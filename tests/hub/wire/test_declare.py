"""A route that could not work, or that nobody guards, stops the start."""

import json
from pathlib import Path
from typing import Any

import pytest
from litestar import get
from msgspec import Struct

import permissions
from hub.accounts import Caller
from hub.app import build
from hub.lifespan import parts_of
from hub.settings import load
from hub.wire import Door, Stream, api, own
from hub.wire.bind import compile_binder
from hub.wire.discover import check_flags, find_handlers, find_modules, find_routes
from hub.wire.route import Route, Undeclared, routes_of
from hub.wire.table import Table
from tests.hub.running import RunningHub


class Strange(Struct):
    inner: dict[str, int]


async def answer() -> dict[str, Any]:
    """Answer."""
    return {}


class TestDeclaring:
    def test_a_permission_must_be_named(self) -> None:
        with pytest.raises(TypeError, match="permission"):
            api("X")(answer)  # type: ignore[call-arg]

    def test_a_plain_function_is_refused(self) -> None:
        def plain() -> dict[str, Any]:
            """Answer."""
            return {}

        with pytest.raises(Undeclared, match="async"):
            api("X", permission=None)(plain)  # type: ignore[arg-type]

    def test_a_docstring_is_needed(self) -> None:
        async def silent() -> dict[str, Any]:
            return {}

        with pytest.raises(Undeclared, match="docstring"):
            api("X", permission=None)(silent)

    def test_untyped_parameters_are_refused(self) -> None:
        async def untyped(x) -> dict[str, Any]:
            """Answer."""
            return {}

        with pytest.raises(Undeclared, match="x"):
            api("X", permission=None)(untyped)

    def test_own_paths_and_methods(self) -> None:
        with pytest.raises(Undeclared, match="slash"):
            own("health", permission=None)
        with pytest.raises(Undeclared, match="method"):
            own("/health", permission=None, method="PUT")

    def test_an_input_of_a_strange_type_is_refused(self) -> None:
        with pytest.raises(Undeclared, match=r"Strange\.inner"):
            compile_binder(Strange)


class TestBinding:
    def test_a_missing_room_stops_the_start(self) -> None:
        async def needs(path: Path) -> dict[str, Any]:
            """Answer."""
            return {}

        route = routes_of(api("X", permission=None)(needs))
        with pytest.raises(Undeclared, match="Path"):
            Table(route, {})

    def test_no_caller_without_a_session(self) -> None:
        async def who(caller: Caller) -> dict[str, Any]:
            """Answer."""
            return {}

        with pytest.raises(Undeclared, match="caller"):
            Table(routes_of(api("X", permission=None)(who)), {})

    def test_no_stream_on_a_plain_route(self) -> None:
        async def streams(stream: Stream, door: Door) -> dict[str, Any]:
            """Answer."""
            return {}

        with pytest.raises(Undeclared, match="Stream"):
            Table(routes_of(api("X", permission=None)(streams)), {})

    def test_names_are_taken_once_in_any_letter_case(self) -> None:
        async def other() -> dict[str, Any]:
            """Answer."""
            return {}

        routes = [
            *routes_of(api("Twice", permission=None)(answer)),
            *routes_of(api("TWICE", permission=None)(other)),
        ]
        with pytest.raises(Undeclared, match="two routes"):
            check_flags(routes, (), permissions.FLAGS)
        with pytest.raises(Undeclared, match="two routes"):
            Table(routes, {})

    def test_unknown_flags_stop_the_start(self, tmp_path: Path) -> None:
        async def flagged() -> dict[str, Any]:
            """Answer."""
            return {}

        route = routes_of(api("X", permission="no_such_flag")(flagged))
        with pytest.raises(Undeclared, match="no_such_flag"):
            build(load(tmp_path), route)

    def test_parts_of_a_room(self) -> None:
        settings = load("x")
        parts = parts_of(settings)
        assert parts[type(settings.limits)] is settings.limits
        assert parts[type(settings)] is settings


class TestEveryRoute:
    def test_every_route_and_handler_is_declared(self) -> None:
        modules = find_modules()
        routes, handlers = find_routes(modules), find_handlers(modules)
        check_flags(routes, handlers, permissions.FLAGS)
        assert all(handler.opt.keys() & {"permission"} for handler in handlers), "a handler has no permission"
        open_to_all = {route.name for route in routes if route.permission is None}
        known = {"GetNewSession", "Login", "RegisterBasic", "RegisterOAuth", "/health", "/ready", "/sign_in"}
        assert open_to_all <= known


class TestGuard:
    async def test_an_unmarked_handler_is_refused(self, hub: RunningHub) -> None:
        @get("/test/unmarked")
        async def unmarked() -> dict[str, Any]:
            return {"open": True}

        @get("/test/marked", opt={"permission": "manage_users"})
        async def marked() -> dict[str, Any]:
            return {"open": True}

        hub.app.register(unmarked)
        hub.app.register(marked)
        answer = await hub.http.get("/test/unmarked")
        assert answer.status_code == 403
        assert "open" not in answer.json()
        assert (await hub.http.get("/test/marked")).json() == {"open": True}
        refused = await hub.http.get("/test/marked", headers={"X-Session-ID": await hub.session_as("user")})
        assert (refused.status_code, refused.json()["permission"]) == (400, "manage_users")
        stranger = await hub.http.get("/test/marked", headers={"X-Forwarded-For": "8.8.8.8"})
        assert stranger.status_code == 401


class TestEveryRouteForEveryRole:
    """Denied over the wire exactly where the role lacks the route's flag."""

    @pytest.mark.parametrize("role", permissions.ROLES)
    async def test_role(self, hub: RunningHub, role: str) -> None:
        session = await hub.session_as(role)
        flags = permissions.ROLES[role].flags
        denied: list[str] = []
        for route in hub.app.board.routes:
            if route.permission is None:
                continue
            if permissions.has(flags, route.permission):
                self.is_let_in(hub, route, session)
                continue
            refusal = await self.refusal(hub, route, session)
            assert refusal["error_id"] == "bad_permissions", route.name
            assert refusal["permission"] == route.permission
            denied.append(route.name)
        assert role != "owner" or not denied
        assert role != "guest" or denied

    def is_let_in(self, hub: RunningHub, route: Route, session: str) -> None:
        """Past the checks without being called: many calls change something."""
        board = hub.app.board
        shelf = board.table.shelf(route)
        nobody: dict[str, list[object]] = {"headers": []}
        assert board.admit(shelf, route.key, session, nobody, socket=route.socket)[0].route is route

    async def refusal(self, hub: RunningHub, route: Route, session: str) -> Any:
        """The answer to a real call."""
        if route.socket:
            async with hub.socket(route.path) as connection:
                await connection.send(json.dumps({"session_id": session}))
                return json.loads(await connection.recv())
        if route.method == "GET":
            return (await hub.http.get(route.path, headers={"X-Session-ID": session})).json()
        return (await hub.post(route.path, {"session_id": session})).json()

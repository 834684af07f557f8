"""The routes by name, each bound once to the rooms it needs: a missing room stops the start, never a call."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from hub.accounts import Caller
from hub.wire.bind import Binder, compile_binder
from hub.wire.door import Door
from hub.wire.route import Route, Undeclared
from hub.wire.stream import Stream

Rooms = Mapping[type, object]
"""Every room of the running hub by its type."""


class Bound:
    """A route ready to be called."""

    __slots__ = (
        "active",
        "bind",
        "call",
        "permission",
        "route",
        "socket",
        "takes_caller",
        "takes_door",
        "takes_stream",
    )

    def __init__(self, route: Route, rooms: Rooms) -> None:
        self.route = route
        self.permission = route.permission
        self.socket = route.socket
        self.active = route.active
        self.bind: Binder = compile_binder(route.given)
        kinds = {hint: name for name, hint in route.needs.items()}
        self.takes_caller = kinds.pop(Caller, None)
        self.takes_door = kinds.pop(Door, None)
        self.takes_stream = kinds.pop(Stream, None)
        if self.takes_caller and route.permission is None:
            raise Undeclared(f"route {route.name} needs no session, so it cannot ask for the caller")
        if bool(self.takes_stream) > route.socket:
            raise Undeclared(f"route {route.name} asks for a Stream but is not declared socket=True")
        fixed = {name: _room(route, hint, rooms) for hint, name in kinds.items()}
        self.call: Callable[..., Any] = partial(route.function, **fixed) if fixed else route.function

    def arguments(self, caller: Caller | None, body: dict[str, Any]) -> dict[str, Any]:
        """The arguments that differ from call to call; raises BadInput."""
        given = self.bind(body)
        values: dict[str, Any] = {"given": given} if self.route.given_asked else {}
        if self.takes_caller:
            values[self.takes_caller] = caller
        return values


def _room(route: Route, hint: Any, rooms: Rooms) -> object:
    room = rooms.get(hint)
    if room is None:
        raise Undeclared(
            f"route {route.name} needs {getattr(hint, '__name__', hint)}, and no such room was started"
        )
    return room


class Table:
    """All routes: SwarmUI's by lower-case name, our own by path, GET ones apart."""

    def __init__(self, routes: Iterable[Route], rooms: Rooms) -> None:
        self.api: dict[str, Bound] = {}
        self.own: dict[str, Bound] = {}
        self.reads: dict[str, Bound] = {}
        for route in routes:
            shelf = self.shelf(route)
            if route.key in shelf:
                raise Undeclared(f"two routes are declared as {route.path}")
            shelf[route.key] = Bound(route, rooms)

    def shelf(self, route: Route) -> dict[str, Bound]:
        """The dictionary a route belongs into."""
        if not route.name.startswith("/"):
            return self.api
        return self.reads if route.method == "GET" and not route.socket else self.own

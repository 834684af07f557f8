"""The one declaration of a route: from it come dispatch, validation, the OpenAPI text and the docs pages."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from msgspec import Struct

MARK = "__hub_routes__"
"""The attribute under which a declared function carries its routes."""

API = "/API/"
"""Prefix of SwarmUI's own tongue (swarm-api §1.1)."""

OWN = "/hub/v1"
"""Prefix of what SwarmUI has no route for."""

Handler = Callable[..., Awaitable[Any]]


class Nothing(Struct, frozen=True):
    """The input of a route that takes none."""


class Done(Struct, frozen=True):
    """The shortest answer: `success` is true; anything else is an error envelope."""

    success: bool = True


class Undeclared(Exception):
    """A route is declared in a way that could not work; raised while its module is imported."""


@dataclass(frozen=True, slots=True)
class Route:
    """One declared route.

    `name` is the wire name (`GetCurrentStatus`) or, for our own routes, the path below the prefix
    (`/health`); `path` the whole path as documented. `permission` is the flag a caller needs, None for a
    call without a session. `method` is POST or GET and ignored for a socket. `needs` are the further
    parameters by name and type.
    """

    name: str
    path: str
    permission: str | None
    socket: bool
    active: bool
    method: str
    function: Handler
    given: type[Struct]
    given_asked: bool
    needs: dict[str, Any] = field(repr=False)
    output: Any = field(repr=False)
    family: str = ""

    @property
    def text(self) -> str:
        """The whole docstring, dedented: its first line is the API text."""
        return inspect.getdoc(self.function) or ""

    @property
    def key(self) -> str:
        """What the table finds it by: names match in any letter case."""
        return self.name.lower()


def api(
    name: str, *, permission: str | None, active: bool = False, socket: bool = False
) -> Callable[[Handler], Handler]:
    """Declare `/API/<name>`, matched in any letter case (swarm-api §1.1).

    `permission` is required: a flag id, or None for a call without a session. `active` refreshes the
    last-used clocks (marker U). `socket` makes it a websocket route. Raises Undeclared for a function that
    could not be called.
    """
    return _declare(name, API + name, permission=permission, active=active, socket=socket, method="POST")


def own(
    path: str,
    *,
    permission: str | None,
    active: bool = False,
    socket: bool = False,
    method: str = "POST",
) -> Callable[[Handler], Handler]:
    """Declare one of our own routes below `/hub/v1`; with `method="GET"` the input comes from the query."""
    if not path.startswith("/"):
        raise Undeclared(f"own route {path!r} must start with a slash")
    return _declare(path, OWN + path, permission=permission, active=active, socket=socket, method=method)


def _declare(
    name: str, path: str, *, permission: str | None, active: bool, socket: bool, method: str
) -> Callable[[Handler], Handler]:
    if method not in {"POST", "GET"}:
        raise Undeclared(f"route {name}: method must be POST or GET, not {method!r}")

    def mark(function: Handler) -> Handler:
        given, needs, output = _read_signature(name, function)
        route = Route(
            name=name,
            path=path,
            permission=permission,
            socket=socket,
            active=active,
            method=method,
            function=function,
            given=given,
            given_asked="given" in inspect.signature(function).parameters,
            needs=needs,
            output=output,
            family=_family(function.__module__),
        )
        if not route.text:
            raise Undeclared(f"route {name}: its first docstring line is the API text and is missing")
        setattr(function, MARK, (*getattr(function, MARK, ()), route))
        return function

    return mark


def _read_signature(name: str, function: Handler) -> tuple[type[Struct], dict[str, Any], Any]:
    if not inspect.iscoroutinefunction(function):
        raise Undeclared(f"route {name} must be an async function: a plain one would be sent to a thread")
    hints = get_type_hints(function, include_extras=True)
    output = hints.pop("return", None)
    given = hints.pop("given", Nothing)
    if not (isinstance(given, type) and issubclass(given, Struct)):
        raise Undeclared(f"route {name}: `given` must be annotated with a msgspec struct")
    missing = [
        word for word in inspect.signature(function).parameters if word not in hints and word != "given"
    ]
    if missing:
        raise Undeclared(f"route {name}: parameters without a type: {', '.join(missing)}")
    return given, hints, output


def _family(module: str) -> str:
    """The folder below hub/routes a route lives in, its page in docs/api."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["hub", "routes"] and len(parts) > 3 else parts[-1]


def routes_of(value: object) -> tuple[Route, ...]:
    """The routes a module-level value was declared as; empty for anything else."""
    return getattr(value, MARK, ()) if inspect.isfunction(value) else ()

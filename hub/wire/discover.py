"""Finds every declared route by importing what lies under hub/routes; a bad declaration fails loudly at
start."""

import importlib
import pkgutil
from collections.abc import Collection, Iterable, Iterator
from types import ModuleType
from typing import Any

from litestar.handlers import BaseRouteHandler

import hub.routes
from hub.wire.route import Route, Undeclared, routes_of


def find_modules(package: ModuleType = hub.routes) -> tuple[ModuleType, ...]:
    """Every module below a package, imported, in the order of their names."""
    names = sorted(found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))
    return tuple(importlib.import_module(name) for name in names)


def find_routes(modules: Iterable[ModuleType]) -> tuple[Route, ...]:
    """The routes declared in these modules, each where it is defined."""
    return tuple(
        route
        for module in modules
        for value in vars(module).values()
        if getattr(value, "__module__", None) == module.__name__
        for route in routes_of(value)
    )


def find_handlers(modules: Iterable[ModuleType]) -> tuple[BaseRouteHandler, ...]:
    """Framework handlers of these modules (pages, files); the app's guard refuses one without a
    `permission` mark."""
    found: dict[int, BaseRouteHandler] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, BaseRouteHandler):
                found[id(value)] = value
    return tuple(found.values())


def check_flags(
    routes: Iterable[Route], handlers: Iterable[BaseRouteHandler], flags: Collection[str]
) -> None:
    """Raise Undeclared for a route that names an unknown permission flag or shares its path."""
    taken: set[tuple[str, bool]] = set()
    for name, permission in _declared(routes, handlers):
        if permission is not None and permission not in flags:
            raise Undeclared(
                f"{name} names the permission {permission!r}, which no file of permissions/flags declares"
            )
    for route in routes:
        place = (route.path.lower(), route.method == "GET" and not route.socket)
        if place in taken:
            raise Undeclared(f"two routes are declared as {route.path}")
        taken.add(place)


def _declared(routes: Iterable[Route], handlers: Iterable[BaseRouteHandler]) -> Iterator[tuple[str, Any]]:
    yield from ((route.path, route.permission) for route in routes)
    yield from (
        (str(handler), handler.opt["permission"]) for handler in handlers if "permission" in handler.opt
    )

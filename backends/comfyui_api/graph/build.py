"""From a work to the graph that draws it: the features lay down their nodes one after the other. Pure."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from functools import cache

from msgspec import Struct

import backends.comfyui_api.graph as room
from backends.comfyui_api.graph.draft import Draft
from backends.comfyui_api.graph.outcome import Graph
from backends.comfyui_api.graph.sheet import Sheet
from backends.comfyui_api.server_info import ServerInfo
from backends.contract import Work

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class _Feature(Struct, frozen=True):
    """One file of this room that names its ORDER: what it lays, and which node classes each of the hub's
    feature flags needs of a server."""

    order: int
    lay: Callable[[Draft], None]
    needs: Mapping[str, tuple[str, ...]]


def build(work: Work, server: ServerInfo, folder: str = "") -> Graph:
    """The graph of a work for this server. `folder` is where its files lie there, by default one of its own.

    Raises Unbuildable.
    """
    draft = Draft(work, server, Sheet(server), folder or f"hub/{_UNSAFE.sub('-', work.id)}")
    for feature in _features():
        feature.lay(draft)
    return Graph(
        nodes=draft.sheet.nodes,
        output=draft.output,
        by_socket=draft.by_socket,
        uploads=tuple(draft.uploads.values()),
        passes=tuple(draft.passes),
    )


def features(server: ServerInfo) -> tuple[str, ...]:
    """The hub's feature flags that this server's node classes allow, in the order they are laid."""
    return tuple(
        flag for feature in _features() for flag, classes in feature.needs.items() if server.has(*classes)
    )


@cache
def _features() -> tuple[_Feature, ...]:
    modules = (
        importlib.import_module(f"{room.__name__}.{name}")
        for _, name, _ in pkgutil.iter_modules(room.__path__)
    )
    found = [
        _Feature(module.ORDER, module.lay, getattr(module, "NEEDS", {}))
        for module in modules
        if hasattr(module, "ORDER")
    ]
    return tuple(sorted(found, key=lambda feature: feature.order))

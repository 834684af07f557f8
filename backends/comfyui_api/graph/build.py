"""From a work to the graph that draws it: the features lay down their nodes one after the other. Pure."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType

from msgspec import Struct

import backends.comfyui_api.graph as room
from backends.comfyui_api.graph.draft import Draft
from backends.comfyui_api.graph.given import given
from backends.comfyui_api.graph.outcome import Graph
from backends.comfyui_api.graph.sheet import Sheet
from backends.comfyui_api.server_info import ServerInfo
from backends.contract import Work

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class _Feature(Struct, frozen=True):
    """One file of this room that names its ORDER, and what it lays."""

    order: int
    lay: Callable[[Draft], None]


def build(work: Work, server: ServerInfo, folder: str = "") -> Graph:
    """The graph of a work for this server. `folder` is where its files lie there, by default one of its own.

    Raises Unbuildable.
    """
    folder = folder or f"hub/{_UNSAFE.sub('-', work.id)}"
    if work.workflow is not None:
        return given(work, work.workflow, server, folder)
    draft = Draft(work, server, Sheet(server), folder)
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
    """The hub's feature flags that this server's node classes allow, in alphabetical order."""
    able = (flag for flag, ways in _needs().items() if any(server.has(*classes) for classes in ways))
    return ("comfyui", *sorted(able))


@cache
def _features() -> tuple[_Feature, ...]:
    found = [_Feature(module.ORDER, module.lay) for module in _files() if hasattr(module, "ORDER")]
    return tuple(sorted(found, key=lambda feature: feature.order))


@cache
def _needs() -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """For each feature flag the sets of node classes of which one must be there."""
    return {flag: ways for module in _files() for flag, ways in getattr(module, "NEEDS", {}).items()}


def _files() -> list[ModuleType]:
    return [
        importlib.import_module(f"{room.__name__}.{file.name}")
        for file in pkgutil.iter_modules(room.__path__)
    ]

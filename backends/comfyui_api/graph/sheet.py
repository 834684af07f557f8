"""The sheet a graph is drawn on: nodes with typed links, each checked against what the server has."""

from typing import Any

from msgspec import Struct

from backends.comfyui_api.graph.outcome import Unbuildable
from backends.comfyui_api.server_info import NodeClass, NodeInput, ServerInfo


class Link(Struct, frozen=True):
    """Output number `slot` of a node; `kind` is its type as the server names it ("MODEL", "IMAGE", …)."""

    node: str
    slot: int
    kind: str


class FileName(str):
    """The path of an upload: it is not yet in the lists of the server."""


Value = str | int | float | bool | Link


class Placed(Struct, frozen=True):
    """A node that stands on the sheet."""

    id: str
    outputs: tuple[str, ...]

    def out(self, kind: str, place: int = 0) -> Link:
        """The output of this kind, the `place`-th when there are several. Raises Unbuildable."""
        found = [slot for slot, said in enumerate(self.outputs) if said == kind]
        if place >= len(found):
            raise Unbuildable(
                f"The ComfyUI server's nodes give no {kind} where one is needed; its version does not fit."
            )
        return Link(self.id, found[place], kind)


class Sheet:
    """Nodes in the order they were added, with ids "1", "2", …"""

    def __init__(self, server: ServerInfo) -> None:
        self._server = server
        self.nodes: dict[str, dict[str, Any]] = {}
        self._known: dict[str, str] = {}

    def add(self, wanted_by: str, kind: str, /, **inputs: Value) -> Placed:
        """Put a node of class `kind`; `wanted_by` is the parameter it is for. What stands there already is
        not put again: nodes give the same for the same.

        Inputs that the server's version does not have are left out, required ones it has beyond ours get its
        own default. Raises Unbuildable when it lacks the class or refuses a value.
        """
        known = self._server.classes.get(kind)
        if known is None:
            raise lacking(wanted_by, kind)
        made: dict[str, Any] = {}
        for name, value in inputs.items():
            if name in known.inputs:
                made[name] = self._checked(wanted_by, kind, name, known.inputs[name], value)
        for name, asked in known.inputs.items():
            if asked.required and name not in made:
                made[name] = _default(wanted_by, kind, name, asked)
        node = self._known.setdefault(repr((kind, sorted(made.items()))), str(len(self.nodes) + 1))
        self.nodes.setdefault(node, {"class_type": kind, "inputs": made})
        return Placed(node, known.outputs)

    def one(self, wanted_by: str, kind: str, out: str, /, **inputs: Value) -> Link:
        """Put a node and take its first output of the type `out`. Raises Unbuildable."""
        return self.add(wanted_by, kind, **inputs).out(out)

    def kind_of(self, link: Link) -> str:
        """The class of the node a link comes from."""
        return str(self.nodes[link.node]["class_type"])

    def _checked(self, wanted_by: str, kind: str, name: str, asked: NodeInput, value: Value) -> Any:
        if isinstance(value, Link):
            if not _fits(value.kind, asked.kind):
                raise _unfit(wanted_by, kind, name)
            return [value.node, value.slot]
        if isinstance(value, FileName):
            return str(value)
        if asked.choices is not None:
            if value not in asked.choices:
                raise Unbuildable(
                    f"Invalid value for parameter {wanted_by}: the ComfyUI server has no '{value}' for the "
                    f"{name} of its node {kind}; choose another, or refresh the lists."
                )
            return value
        return _in_range(wanted_by, asked, value)


def lacking(wanted_by: str, *kinds: str) -> Unbuildable:
    """The refusal of a parameter whose node classes are not there."""
    nodes = " or ".join(kinds)
    return Unbuildable(
        f"Invalid value for parameter {wanted_by}: the ComfyUI server lacks the node {nodes}, which this "
        "needs; install it there, leave the parameter out, or choose another engine."
    )


def _fits(given: str, asked: str) -> bool:
    """Whether an output's type may go into an input; `*` takes any, a comma parts several."""
    wanted = {part.strip() for part in asked.split(",")}
    return "*" in wanted or "COMFY_MATCHTYPE_V3" in wanted or given == "*" or given in wanted


def _in_range(wanted_by: str, asked: NodeInput, value: Value) -> Value:
    if isinstance(value, bool | str | Link):
        return value
    if asked.kind == "INT":
        value = int(value)
    if (asked.min is not None and value < asked.min) or (asked.max is not None and value > asked.max):
        raise Unbuildable(
            f"Invalid value for parameter {wanted_by}: {value:g} is outside of what the ComfyUI server takes "
            f"there ({_bound(asked.min)} to {_bound(asked.max)})."
        )
    return value


def _bound(value: float | int | None) -> str:
    return "any" if value is None else f"{value:g}"


def _default(wanted_by: str, kind: str, name: str, asked: NodeInput) -> Any:
    if asked.default is not None:
        return asked.default
    if asked.choices:
        return asked.choices[0]
    raise _unfit(wanted_by, kind, name)


def _unfit(wanted_by: str, kind: str, name: str) -> Unbuildable:
    return Unbuildable(
        f"Invalid value for parameter {wanted_by}: the ComfyUI server's node {kind} takes another {name} "
        "than the one this hub knows; leave the parameter out, or choose another engine."
    )


def has_input(server: ServerInfo, kind: str, name: str) -> bool:
    """Whether the server's class `kind` has an input of this name."""
    found: NodeClass | None = server.classes.get(kind)
    return found is not None and name in found.inputs

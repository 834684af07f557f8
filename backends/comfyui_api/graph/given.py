"""A graph that the user gives: its gaps filled from the work, its names spelled as the server does, checked.

Values are put into decoded texts, never into the JSON itself: what somebody writes as a prompt or as a number
can then never become a node.
"""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from backends.comfyui_api.graph.draft import ending
from backends.comfyui_api.graph.outcome import Graph, Pass, Unbuildable, Upload, digest
from backends.comfyui_api.graph.spelling import spelled
from backends.comfyui_api.server_info import NodeInput, ServerInfo
from backends.contract import Work, Workflow

_GAP = re.compile(r"\$\{([^{}]*)\}")
_NUMBER = re.compile(r"%%_COMFYFIXME_(\$\{[^{}]*\})_ENDFIXME_%%")
_LETTERS = re.compile(r"[^a-z]+")
_PARAM = "Comfy Workflow"
_PICTURES = ("SaveImageWebsocket", "SaveImage", "PreviewImage")
"""Output nodes whose pictures can be fetched, the best first."""

_SEEDS = ("seed", "noise_seed")
_MOST_SEED = 1 << 64


def given(work: Work, workflow: Workflow, server: ServerInfo, folder: str) -> Graph:
    """The work's own graph for this server. Raises Unbuildable."""
    filling = _Filling(work, workflow, server, folder)
    try:
        nodes = msgspec.json.decode(workflow.graph, type=dict[str, dict[str, Any]])
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as trouble:
        raise _refused("it is no graph in ComfyUI's API format") from trouble
    made = {node: filling.node(node, body) for node, body in nodes.items()}
    _check_links(made)
    output, by_socket = _output(made, server)
    return Graph(made, output, by_socket, tuple(filling.uploads.values()), tuple(_passes(made)))


class _Filling:
    """Fills one graph."""

    def __init__(self, work: Work, workflow: Workflow, server: ServerInfo, folder: str) -> None:
        self.uploads: dict[str, Upload] = {}
        self._work = work
        self._workflow = workflow
        self._server = server
        self._folder = folder

    def node(self, node: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A node with its gaps filled."""
        kind, inputs = body.get("class_type"), body.get("inputs", {})
        known = self._server.classes.get(kind) if isinstance(kind, str) else None
        if known is None or not isinstance(inputs, dict):
            raise _refused(f"the ComfyUI server lacks the node '{str(kind)[:100]}' (number {node[:20]})")
        made = {
            name: self._value(str(name), value, known.inputs.get(str(name)), str(kind))
            for name, value in inputs.items()
        }
        if kind == "SaveImage":
            # its own folder: the node lists the whole one it writes to, for every picture (§0.9)
            made["filename_prefix"] = f"{self._folder}/picture"
        return {"class_type": kind, "inputs": made}

    def _value(self, name: str, value: Any, asked: NodeInput | None, kind: str) -> Any:
        if isinstance(value, dict):
            return {key: self._value(name, part, None, kind) for key, part in value.items()}
        if isinstance(value, list):
            return [self._value(name, part, None, kind) for part in value]
        if isinstance(value, str):
            number = _NUMBER.fullmatch(value)
            if number is not None:
                value = _as_number(self._filled(number[1], kind))
            else:
                value = self._filled(value, kind)
        if name in _SEEDS and isinstance(value, int | float | str) and str(value).strip() == "-1":
            return self._work.seed
        if isinstance(value, str) and asked is not None and asked.choices is not None:
            return self._server.spelling(kind, name, value) or value
        return value

    def _filled(self, text: str, kind: str) -> str:
        return _GAP.sub(lambda gap: self._gap(gap[1], kind), text)

    def _gap(self, tag: str, kind: str) -> str:
        head, _, default = tag.partition(":")
        name, _, more = head.partition("+")
        key = _LETTERS.sub("", name.lower())
        picture = self._picture(key)
        if picture is not None:
            return self._placed(key, picture, kind)
        own = _OWN.get(key)
        if default and key in self._workflow.unasked:
            found: str | int | float | bool | None = None
        elif own is not None:
            found = own(self._work)
            if key in ("prompt", "negativeprompt"):
                found = spelled(str(found), self._server)
            if key == "seed":
                found = (self._work.seed + (int(more) if more.isdecimal() else 0)) % _MOST_SEED
        elif key == "prefix":
            found = f"{self._folder}/picture"
        else:
            found = self._workflow.values.get(key)
        if found is None and not default:
            raise _refused(f"it asks for '{name[:100]}', which was not given and has no default")
        return default if found is None else _text(found)

    def _picture(self, key: str) -> bytes | None:
        if key == "initimage":
            return self._work.init_image
        return self._work.mask if key == "maskimage" else self._workflow.pictures.get(key)

    def _placed(self, key: str, data: bytes, kind: str) -> str:
        """How a node takes a picture: the loading ones by the name of an upload, others as base64."""
        if not kind.startswith("LoadImage"):
            return base64.b64encode(data).decode()
        name = f"{key}-{digest(data)}{ending(data)}"
        return self.uploads.setdefault(name, Upload(name, self._folder, data)).path


_OWN: Mapping[str, Callable[[Work], str | int | float | None]] = {
    "prompt": lambda work: work.prompt,
    "negativeprompt": lambda work: work.negative_prompt,
    "seed": lambda work: work.seed,
    "steps": lambda work: work.steps,
    "width": lambda work: work.width,
    "height": lambda work: work.height,
    "cfgscale": lambda work: work.cfg_scale,
    "subseed": lambda work: work.variation_seed,
    "subseedstrength": lambda work: work.variation_strength,
    "initimagestrength": lambda work: work.strength,
    "model": lambda work: work.model.name,
    "loras": lambda work: ",".join(lora.model.name for lora in work.loras),
    **dict.fromkeys(("sampler", "comfysampler", "comfyuisampler"), lambda work: work.sampler),
    **dict.fromkeys(("scheduler", "comfyscheduler", "comfyuischeduler"), lambda work: work.scheduler),
}
"""What stands for a gap of these letters."""


def _text(value: str | int | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def _as_number(text: str) -> int | float | bool | str:
    """The number or truth a text says; a text where the gap is one of words."""
    try:
        found = msgspec.json.decode(text.strip().lower())
    except msgspec.DecodeError:
        return text
    return found if isinstance(found, int | float | bool) else text


def _check_links(nodes: Mapping[str, Mapping[str, Any]]) -> None:
    for node, body in nodes.items():
        for name, value in body["inputs"].items():
            linked = isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)
            if linked and isinstance(value[1], int) and value[0] not in nodes:
                raise _refused(f"the input {name} of the node {node} is linked to a node that is not there")


def _output(nodes: Mapping[str, Mapping[str, Any]], server: ServerInfo) -> tuple[str, bool]:
    """The node whose picture is taken, and whether it comes over the websocket."""
    for kind in _PICTURES:
        for node, body in nodes.items():
            if body["class_type"] == kind:
                return node, kind == "SaveImageWebsocket"
    for node, body in nodes.items():
        if server.classes[body["class_type"]].output_node:
            return node, False
    raise _refused("none of its nodes gives a picture; add a SaveImage node")


def _passes(nodes: Mapping[str, Mapping[str, Any]]) -> list[Pass]:
    """The nodes that draw, by what the plain samplers are told."""
    found = []
    for node, body in nodes.items():
        steps = body["inputs"].get("steps")
        if "Sampler" not in body["class_type"] or not isinstance(steps, int):
            continue
        start, end = body["inputs"].get("start_at_step", 0), body["inputs"].get("end_at_step", steps)
        if isinstance(start, int) and isinstance(end, int) and min(steps, end) > start:
            found.append(Pass(node, min(steps, end) - start))
    return found


def _refused(why: str) -> Unbuildable:
    return Unbuildable(f"Invalid value for parameter {_PARAM}: {why}.")

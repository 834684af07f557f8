"""Graphs with gaps: JSON text in ComfyUI's API format in which `${id}` stands for a parameter. Pure.

In texts a gap is part of the text. A number's gap stands bare (`"steps": ${steps:20}`) or, so that the file
stays JSON, as `"%%_COMFYFIXME_${steps:20}_ENDFIXME_%%"`; here it always becomes the latter (swarm-api §5.4).
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from hub.errors import BadInput

MOST_NODES = 2000

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\$\{([^{}"]*)\}', re.DOTALL)
_GAP = re.compile(r"\$\{([^{}]*)\}")


def checked_graph(text: str, field: str, name: str) -> str:
    """The graph as plain JSON text. Raises BadInput naming the parameter for what is no graph."""
    quoted = _TOKEN.sub(_quoted, text)
    try:
        graph = msgspec.json.decode(quoted)
    except (msgspec.DecodeError, RecursionError) as trouble:
        raise _refused(field, name, f"it is no JSON text ({str(trouble)[:100]})") from trouble
    if isinstance(graph, dict) and isinstance(graph.get("nodes"), list):
        raise _refused(
            field, name, "this is how ComfyUI's page saves a workflow; export it in the API format instead"
        )
    if not isinstance(graph, dict) or not graph or not all(map(_is_node, graph.values())):
        raise _refused(
            field, name, 'it must be an object of nodes, {"1": {"class_type": "…", "inputs": {…}}, …}'
        )
    if len(graph) > MOST_NODES:
        raise _refused(
            field, name, f"it has {len(graph)} nodes, at most {MOST_NODES} are accepted", MOST_NODES
        )
    return msgspec.json.encode(graph).decode()


def gaps(graph: str) -> Iterator[tuple[str, bool]]:
    """The ids that a checked graph leaves open, and whether each brings a default of its own."""
    for text in _texts(msgspec.json.decode(graph)):
        for gap in _GAP.finditer(text):
            tag, colon, default = gap[1].partition(":")
            yield tag.partition("+")[0].strip(), bool(colon and default.strip())


def defaults(graph: str) -> Iterator[tuple[str, str]]:
    """The ids that a checked graph leaves open with a default of its own, and that."""
    for text in _texts(msgspec.json.decode(graph)):
        for gap in _GAP.finditer(text):
            tag, _, default = gap[1].partition(":")
            if default.strip():
                yield tag.partition("+")[0].strip(), default.strip()


def _quoted(token: re.Match[str]) -> str:
    return token[0] if token[1] is None else f'"%%_COMFYFIXME_{token[0]}_ENDFIXME_%%"'


def _is_node(node: Any) -> bool:
    return (
        isinstance(node, dict)
        and isinstance(node.get("class_type"), str)
        and isinstance(node.get("inputs", {}), dict)
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _refused(field: str, name: str, why: str, limit: Any = None) -> BadInput:
    return BadInput(f"Invalid value for parameter {name}: {why}", field=field, limit=limit)

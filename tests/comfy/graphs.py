"""A graph in API format: which node comes next, and what makes two nodes the same for the cache."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Graph = Mapping[str, Any]


def links(body: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """The linked inputs of a node: input name, source node, output index."""
    given = body["inputs"].items()
    return [(name, v[0], v[1]) for name, v in given if isinstance(v, list) and len(v) == 2]


def line(
    graph: Graph, outputs: Iterable[str], cached: Iterable[str], is_output: Callable[[str], bool]
) -> list[str]:
    """The nodes that run, in the server's order: they are gathered backwards from the outputs, and of those
    that wait for nothing an output comes first, then what an output waits for, what that waits for, the rest.
    """
    done = set(cached)
    gathered: list[str] = []
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node in gathered or node in done:
            continue
        gathered.append(node)
        stack += [source for _, source, _ in links(graph[node])]
    order: list[str] = []
    while gathered:
        ready = [n for n in gathered if all(s in done for _, s, _ in links(graph[n]))]
        chosen = _friendliest(graph, ready, gathered, is_output)
        order.append(chosen)
        gathered.remove(chosen)
        done.add(chosen)
    return order


def signature(graph: Graph, node: str, changing: Callable[[str, Mapping[str, Any]], str]) -> str:
    """What a node's result depends on: its class, its literals and the same of everything it is linked to.
    `changing` adds what lies outside the graph, such as the bytes of a named file. Node ids do not count."""
    body = graph[node]
    parts: list[Any] = [body["class_type"], changing(node, body)]
    for name in sorted(body["inputs"]):
        value = body["inputs"][name]
        if isinstance(value, list) and len(value) == 2:
            value = [signature(graph, value[0], changing), value[1]]
        parts.append([name, value])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _friendliest(graph: Graph, ready: list[str], waiting: list[str], is_output: Callable[[str], bool]) -> str:
    first = next((n for n in ready if is_output(n)), None)
    wanted = {n for n in waiting if is_output(n)}
    for _ in range(2):
        if first is not None:
            return first
        wanted = {s for n in waiting if n in wanted for _, s, _ in links(graph[n])}
        first = next((n for n in ready if n in wanted), None)
    return first if first is not None else ready[0]

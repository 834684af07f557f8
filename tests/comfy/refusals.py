"""What the server refuses before it queues anything: the checks of a posted graph, answered as recorded.

Every check reads the server's own `object_info`; nothing here knows who built the graph. Source: recording
06-validation-errors and section 3.1 of the protocol's description.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.comfy.catalogue import choices, inputs

SHOWN_CHOICES = 20  # of a longer list the server tells its length only
NUMBERS: Mapping[str, Callable[[Any], Any]] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
ErrorBody = dict[str, Any]


@dataclass
class Verdict:
    """What became of a graph: the output nodes that may run, and why others, or all, may not."""

    outputs: list[str] = field(default_factory=list)
    error: ErrorBody | None = None
    node_errors: dict[str, Any] = field(default_factory=dict)


class CycleError(Exception):
    """Nodes that wait for each other, in the order of their links."""

    def __init__(self, nodes: list[str]) -> None:
        super().__init__(nodes)
        self.nodes = nodes


def judge(
    graph: Mapping[str, Any],
    told: Mapping[str, Any],
    files: Callable[[str], bool],
    targets: Sequence[str] | None = None,
    *,
    old: bool = False,
) -> Verdict:
    """Check a graph as the server does; `files` says whether an image node's file is in the input folder. An
    `old` server (0.8.0, 0.3.64) names no circles and has another word for lacking classes."""
    wrong = _missing(graph, told, old=old)
    if wrong is not None:
        return Verdict(error=wrong)
    wanted = [
        node
        for node, body in graph.items()
        if told[body["class_type"]].get("output_node") and (targets is None or node in targets)
    ]
    if not wanted:
        return Verdict(error=_error("prompt_no_outputs", "Prompt has no outputs"))
    check = _Check(graph, told, files)
    good = []
    for node in wanted:
        try:
            check.path = []
            fine = check.node(node)
        except CycleError as cycle:
            fine = False
            if not old:
                check.cycle(cycle.nodes)
        except Exception as error:
            fine = False
            check.note(
                node, _raised("exception_during_validation", "Exception when validating node", error, {})
            )
        if fine:
            good.append(node)
        else:
            check.blame(node)
    if good:
        return Verdict(good, None, check.errors)
    words = "Prompt outputs failed validation"
    return Verdict([], _error("prompt_outputs_failed_validation", words), check.errors)


def faults(graph: Mapping[str, Any], told: Mapping[str, Any]) -> list[str]:
    """What is wrong with a graph, a line each: all the server refuses, and what it would only notice when it
    runs (a literal where a link belongs, an input the class does not have)."""
    verdict = judge(graph, told, lambda _name: True)
    found = [str(verdict.error["message"])] if verdict.error else []
    for node, wrong in verdict.node_errors.items():
        found += [f"{node} {wrong['class_type']}: {e['message']}: {e['details']}" for e in wrong["errors"]]
    for node, body in graph.items():
        info = told.get(body.get("class_type", ""))
        if info is None:
            continue
        known = inputs(info)
        for name, value in body["inputs"].items():
            if name not in known:
                found.append(f"{node} {body['class_type']}: there is no input {name}")
            elif not isinstance(value, list) and _is_link(known[name][0]):
                found.append(f"{node} {body['class_type']}: {name} needs a link, not {value!r}")
    return found


class _Check:
    """One walk from the outputs to what they need; a node is checked once."""

    def __init__(
        self, graph: Mapping[str, Any], told: Mapping[str, Any], files: Callable[[str], bool]
    ) -> None:
        self.graph = graph
        self.told = told
        self.files = files
        self.errors: dict[str, Any] = {}
        self.done: dict[str, bool] = {}
        self.path: list[str] = []

    def node(self, node: str) -> bool:
        """Whether a node and everything it needs may run. Raises KeyError where it is linked to nothing, and
        CycleError."""
        if node in self.path:
            raise CycleError(self.path[self.path.index(node) :])
        if node in self.done:
            return self.done[node]
        self.path.append(node)
        body = self.graph[node]
        fine = True
        for name, (spec, required) in inputs(self.told[body["class_type"]]).items():
            fine = self._input(node, name, spec, required) and fine
        self.path.pop()
        self.done[node] = fine
        return fine

    def _input(self, node: str, name: str, spec: Sequence[Any], required: bool) -> bool:
        given = self.graph[node]["inputs"]
        if name not in given:
            if required:
                self.note(
                    node,
                    _wrong("required_input_missing", "Required input is missing", name, {"input_name": name}),
                )
            return not required
        value = given[name]
        if isinstance(value, list):
            return self._link(node, name, spec, value)
        problem = self._literal(node, name, spec, value)
        if problem is not None:
            self.note(node, problem)
        return problem is None

    def _link(self, node: str, name: str, spec: Sequence[Any], value: list[Any]) -> bool:
        about = {"input_name": name, "input_config": list(spec)}
        if len(value) != 2:
            words = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            self.note(node, _wrong("bad_linked_input", words, name, {**about, "received_value": value}))
            return False
        source, slot = value
        kind = self.told[self.graph[source]["class_type"]]["output"][slot]
        if not _fits(kind, spec[0]):
            self.note(
                node,
                _wrong(
                    "return_type_mismatch",
                    "Return type mismatch between linked nodes",
                    f"{name}, received_type({kind}) mismatch input_type({spec[0]})",
                    {**about, "received_type": kind, "linked_node": value},
                ),
            )
            return False
        depth = len(self.path)
        try:
            return self.node(source)
        except CycleError:
            raise
        except Exception as error:
            del self.path[depth:]
            words = "Exception when validating inner node"
            told = _raised("exception_during_inner_validation", words, error, {**about, "linked_node": value})
            self.note(source, told)
            self.done[source] = False
            return False

    def _literal(self, node: str, name: str, spec: Sequence[Any], value: Any) -> ErrorBody | None:
        about: dict[str, Any] = {"input_name": name, "input_config": list(spec)}
        if isinstance(spec[0], str) and spec[0] in NUMBERS:
            try:
                value = NUMBERS[spec[0]](value)
            except (ValueError, TypeError) as error:
                words = f"Failed to convert an input value to a {spec[0]} value"
                about |= {"received_value": value, "exception_message": str(error)}
                return _wrong("invalid_input_type", words, f"{name}, {value}, {error}", about)
            self.graph[node]["inputs"][name] = value
        about["received_value"] = value
        limits = spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}
        if "min" in limits and value < limits["min"]:
            words = f"Value {value} smaller than min of {limits['min']}"
            return _wrong("value_smaller_than_min", words, name, about)
        if "max" in limits and value > limits["max"]:
            words = f"Value {value} bigger than max of {limits['max']}"
            return _wrong("value_bigger_than_max", words, name, about)
        if limits.get("image_upload"):
            if self.files(str(value)):
                return None
            details = f"{name} - Invalid image file: {value}"
            words = "Custom validation failed for node"
            return _wrong("custom_validation_failed", words, details, {"input_name": name})
        offered = choices(spec)
        if offered is None or value in offered:
            return None
        listed: Any = offered
        if len(offered) > SHOWN_CHOICES:
            listed, about["input_config"] = f"(list of length {len(offered)})", None
        return _wrong("value_not_in_list", "Value not in list", f"{name}: '{value}' not in {listed}", about)

    def note(self, node: str, wrong: ErrorBody) -> None:
        """Keep what is wrong with a node; which outputs it spoils is added when they are known."""
        body = self.graph.get(node, {"class_type": None})
        told = self.errors.setdefault(
            node, {"errors": [], "dependent_outputs": [], "class_type": body["class_type"]}
        )
        told["errors"].append(wrong)

    def cycle(self, nodes: list[str]) -> None:
        """Note a circle at each of its nodes."""
        ring = [*nodes, nodes[0]]
        details = " -> ".join(f"{node} ({self.graph[node]['class_type']})" for node in ring)
        for node in nodes:
            about = {"node_id": node, "cycle_nodes": nodes}
            self.note(node, _wrong("dependency_cycle", "Dependency cycle detected", details, about))

    def blame(self, output: str) -> None:
        """Add an output that cannot run to every wrong node it needs."""
        seen, waiting = set(), [output]
        while waiting:
            node = waiting.pop()
            if node in seen or node not in self.graph:
                continue
            seen.add(node)
            links = (v for v in self.graph[node]["inputs"].values() if isinstance(v, list) and v)
            waiting += [str(v[0]) for v in links]
            told = self.errors.get(node)
            if told is not None and output not in told["dependent_outputs"]:
                told["dependent_outputs"].append(output)


def _missing(graph: Mapping[str, Any], told: Mapping[str, Any], *, old: bool) -> ErrorBody | None:
    """The refusal for the first node whose class is not there."""
    for node, body in graph.items():
        name = body.get("class_type")
        title = body.get("_meta", {}).get("title", name)
        about = {"node_id": node, "class_type": name, "node_title": title}
        if old and name not in told:
            words = (
                "a node is missing the class_type property" if name is None else f"node {name} does not exist"
            )
            return _error("invalid_prompt", f"Cannot execute because {words}.", f"Node ID '#{node}'")
        if name is None:
            words = f"Node 'ID #{node}' has no class_type. "
            words += "The workflow may be corrupted or a custom node is missing."
            return _error("missing_node_type", words, f"Node ID '#{node}'", about)
        if name not in told:
            words = f"Node '{title}' not found. The custom node may not be installed."
            return _error("missing_node_type", words, f"Node ID '#{node}'", about)
    return None


def _fits(received: Any, wanted: Any) -> bool:
    if received == wanted or "*" in (received, wanted):
        return True
    if isinstance(received, str) and isinstance(wanted, str):
        return set(received.split(",")) <= set(wanted.split(","))
    # A choice fits any choice, however it is spelled.
    return (isinstance(received, list) or received == "COMBO") and (
        isinstance(wanted, list) or wanted == "COMBO"
    )


def _is_link(spec: Sequence[Any]) -> bool:
    """Whether an input can only be linked: no number, text or choice, and none of the composite types."""
    kind = spec[0]
    return (
        isinstance(kind, str)
        and kind not in NUMBERS
        and kind not in ("COMBO", "*")
        and not kind.startswith("COMFY_")
    )


def _error(kind: str, message: str, details: str = "", extra: Mapping[str, Any] | None = None) -> ErrorBody:
    return {"type": kind, "message": message, "details": details, "extra_info": dict(extra or {})}


def _wrong(kind: str, message: str, details: str, extra: Mapping[str, Any]) -> ErrorBody:
    return _error(kind, message, details, extra)


def _raised(kind: str, message: str, error: Exception, extra: Mapping[str, Any]) -> ErrorBody:
    about = {
        **extra,
        "exception_message": str(error),
        "exception_type": type(error).__name__,
        "traceback": ['  File "/comfyui/execution.py", line 955, in validate_inputs\n'],
    }
    return _error(kind, message, str(error), about)

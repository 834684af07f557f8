"""What a ComfyUI server says of itself: its node classes, what each takes, and the names it knows.

Pure values read from `GET /object_info` and `GET /embeddings` (comfyui-protocol §5). Two spellings of a
choice stand side by side in one answer and nodes move from one to the other; whatever is not understood is
skipped, since custom nodes write what they like and one of them must not hide all others.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Number = int | float


class NodeInput(Struct, frozen=True):
    """One input of a node class. `kind` is the type a link must have ("MODEL", …) or of the value ("INT",
    "FLOAT", "STRING", "BOOLEAN", "COMBO" for a choice in either spelling).

    `choices` are a choice's values in the server's spelling, None where it has none or does not tell them.
    `default`, `min`, `max` and `step` are None where not told.
    """

    kind: str
    choices: tuple[str, ...] | None = None
    required: bool = True
    default: str | int | float | bool | None = None
    min: Number | None = None
    max: Number | None = None
    step: Number | None = None


class NodeClass(Struct, frozen=True):
    """One class of nodes: its inputs by name, the types of its outputs, and whether it ends a graph."""

    inputs: Mapping[str, NodeInput]
    outputs: tuple[str, ...] = ()
    output_node: bool = False


class ServerInfo(Struct, frozen=True):
    """What one server can be asked for. `embeddings` are in its spelling, without extension."""

    classes: Mapping[str, NodeClass] = {}
    embeddings: tuple[str, ...] = ()

    def has(self, *names: str) -> bool:
        """Whether all these node classes are there."""
        return all(name in self.classes for name in names)

    def without(self, *names: str) -> "ServerInfo":
        """The same server as if it had not these node classes."""
        kept = {name: node for name, node in self.classes.items() if name not in names}
        return ServerInfo(kept, self.embeddings)

    def choices(self, node: str, name: str) -> tuple[str, ...]:
        """The values that a node's input takes, in the server's spelling; none when unknown."""
        found = self.classes.get(node)
        taken = found.inputs.get(name) if found is not None else None
        return (taken.choices or ()) if taken is not None else ()

    def spelling(self, node: str, name: str, wanted: str) -> str | None:
        """The server's own spelling of a `/` separated name among an input's choices; None: it has it not."""
        return _find(self.choices(node, name), wanted)

    def embedding(self, wanted: str) -> str | None:
        """The server's own spelling of an embedding, whose name may have an extension; None: not there."""
        return _find(self.embeddings, wanted) or _find(self.embeddings, _bare(wanted))


def normalised(name: str) -> str:
    """A file's name as users see it: `/` between its folders, whatever the server's system writes."""
    return name.replace("\\", "/")


def parse(answer: object, embeddings: object = ()) -> ServerInfo:
    """What `GET /object_info` and `GET /embeddings` answered, both decoded from JSON and neither trusted."""
    classes: dict[str, NodeClass] = {}
    for name, told in answer.items() if isinstance(answer, dict) else ():
        if isinstance(name, str) and isinstance(told, dict):
            classes[name] = _node(told)
    names = embeddings if isinstance(embeddings, list | tuple) else ()
    return ServerInfo(classes=classes, embeddings=tuple(name for name in names if isinstance(name, str)))


def _node(told: dict[str, Any]) -> NodeClass:
    inputs: dict[str, NodeInput] = {}
    groups = told.get("input")
    for group in ("required", "optional"):
        entries = groups.get(group) if isinstance(groups, dict) else None
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            read = _input(entry, required=group == "required")
            if read is not None:
                inputs[name] = read
    outputs = told.get("output")
    kinds = outputs if isinstance(outputs, list | tuple) else ()
    # An output may be a list of choices itself: its type is then a choice's, and its place must be kept.
    return NodeClass(
        inputs=inputs,
        outputs=tuple(kind if isinstance(kind, str) else "COMBO" for kind in kinds),
        output_node=told.get("output_node") is True,
    )


def _input(entry: object, required: bool) -> NodeInput | None:
    """One entry, `[type]` or `[type, options]`; None for a shape nobody knows."""
    if not isinstance(entry, list | tuple) or not entry:
        return None
    kind = entry[0]
    options = entry[1] if len(entry) > 1 and isinstance(entry[1], dict) else {}
    choices: tuple[str, ...] | None = None
    if isinstance(kind, list | tuple):
        kind, choices = "COMBO", _texts(kind)
    elif kind == "COMBO":
        choices = _texts(options.get("options"))
    elif not isinstance(kind, str):
        return None
    default = options.get("default")
    return NodeInput(
        kind=kind,
        choices=choices,
        required=required,
        default=default if isinstance(default, str | int | float | bool) else None,
        min=_number(options.get("min")),
        max=_number(options.get("max")),
        step=_number(options.get("step")),
    )


def _texts(told: object) -> tuple[str, ...] | None:
    """A choice's values as text (numbers and truths are chosen from too); None when it is no list."""
    if not isinstance(told, list | tuple):
        return None
    return tuple(str(value) for value in told if isinstance(value, str | int | float))


def _number(told: object) -> Number | None:
    return told if isinstance(told, int | float) and not isinstance(told, bool) else None


def _find(names: tuple[str, ...], wanted: str) -> str | None:
    """The name that is meant: as it stands, else with its folders' marks made alike, else in any letter
    case."""
    if wanted in names:
        return wanted
    sought = normalised(wanted)
    found = next((name for name in names if normalised(name) == sought), None)
    if found is not None:
        return found
    folded = sought.casefold()
    return next((name for name in names if normalised(name).casefold() == folded), None)


def _bare(name: str) -> str:
    """A name without its file extension; a point within a folder's name is none."""
    folder, mark, file = normalised(name).rpartition("/")
    stem, point, ending = file.rpartition(".")
    weights = point and ending.lower() in ("safetensors", "sft", "pt", "bin", "ckpt", "pth")
    return folder + mark + (stem if weights else file)

"""What the builder hands out: a finished graph, what to upload before it is posted, or why there is none."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct


class Unbuildable(Exception):
    """The server cannot draw this; the text is a sentence for the user that names the parameter and what is
    missing.
    """


class Upload(Struct, frozen=True):
    """A picture file that must lie in the server's input folder, at `subfolder`/`name`, before the graph is
    posted. `data` is the encoded file.
    """

    name: str
    subfolder: str
    data: bytes

    @property
    def path(self) -> str:
        """How a graph names it."""
        return f"{self.subfolder}/{self.name}" if self.subfolder else self.name


def digest(data: bytes) -> str:
    """What stands for a file's bytes in its name: the same bytes get the same name again."""
    return hashlib.sha256(data).hexdigest()[:16]


class Pass(Struct, frozen=True):
    """A node of the graph that draws, and how many steps it takes."""

    node: str
    steps: int


class Graph(Struct, frozen=True):
    """A graph in the format that `POST /prompt` takes (comfyui-protocol §6).

    `nodes` maps ids to `{"class_type", "inputs"}`. `output` is the id of the node whose one picture is the
    result; with `by_socket` it comes over the websocket, else it is among the files of the history entry.
    `passes` are the drawing nodes in the order they run.
    """

    nodes: Mapping[str, Mapping[str, Any]]
    output: str
    by_socket: bool
    uploads: tuple[Upload, ...] = ()
    passes: tuple[Pass, ...] = ()

    @property
    def steps(self) -> int:
        """Steps of all passes together."""
        return sum(one.steps for one in self.passes)

    def named(self, given: Mapping[str, str]) -> "Graph":
        """The graph with the names the server gave to uploads; `given` maps an upload's `path` to the path
        the server answered. A server renames a file when another one of that name is there (§1).
        """
        own = {upload.path for upload in self.uploads}
        renamed = {old: new for old, new in given.items() if old in own and old != new}
        if not renamed:
            return self
        nodes = {
            node: {**body, "inputs": {key: _renamed(value, renamed) for key, value in body["inputs"].items()}}
            for node, body in self.nodes.items()
        }
        return msgspec.structs.replace(self, nodes=nodes)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    return names.get(value, value) if isinstance(value, str) else value

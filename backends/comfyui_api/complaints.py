"""A server's refusals and errors as sentences for users (comfyui-protocol §3.1). Pure.

Its own words carry tracebacks, paths and lists of its files; of those nothing is repeated.
"""

from typing import Any

import msgspec
from msgspec import Struct

_LOADERS = {
    "CheckpointLoaderSimple": "model",
    "UNETLoader": "model",
    "LoraLoader": "LoRA",
    "LoraLoaderModelOnly": "LoRA",
    "VAELoader": "VAE",
    "CLIPLoader": "text encoder",
    "DualCLIPLoader": "text encoder",
    "ControlNetLoader": "ControlNet",
    "UpscaleModelLoader": "upscaler",
}
_LONG = 60


class Refusal(Struct, frozen=True):
    """Why a server did not take a prompt. `stale` says that its lists are not what they were when they were
    read last: reading them again may help. `runs` says that it runs other parts of it all the same.
    """

    reason: str
    retry: bool = False
    stale: bool = False
    runs: bool = False


class _Complaint(Struct):
    type: str = ""
    extra_info: Any = None


class _Node(Struct):
    errors: list[_Complaint] = []
    class_type: str | None = None
    dependent_outputs: list[str] = []


class _Body(Struct):
    error: _Complaint | None = None
    node_errors: dict[str, _Node] | list[Any] = {}


def refusal_of(status: int, body: bytes) -> Refusal:
    """What an answer to `POST /prompt` means that did not take all of it."""
    if status == 413:
        return Refusal(
            "The pictures sent along are larger than the ComfyUI server accepts; send smaller ones, or have "
            "its --max-upload-size raised."
        )
    try:
        read = msgspec.json.decode(body, type=_Body)
    except msgspec.MsgspecError:
        return _unread(status)
    nodes = read.node_errors if isinstance(read.node_errors, dict) else {}
    for node in nodes.values():
        for complaint in node.errors:
            return _of_node(complaint, word(node.class_type or ""))
    return _unread(status) if read.error is None else _of_prompt(read.error)


def dropped_outputs(body: bytes) -> frozenset[str]:
    """Outputs of a graph that will not run although the server answered 200: it drops the branches it cannot
    run, and runs the others.
    """
    try:
        read = msgspec.json.decode(body, type=_Body)
    except msgspec.MsgspecError:
        return frozenset()
    nodes = read.node_errors if isinstance(read.node_errors, dict) else {}
    return frozenset(nodes) | {output for node in nodes.values() for output in node.dependent_outputs}


def broken_words(node: str, kind: str, message: str) -> tuple[str, bool]:
    """An error while it drew, and whether another try may help."""
    place = f" in its node {word(node)}" if node else ""
    if "OutOfMemory" in kind or "out of memory" in message.lower():
        return (
            f"The ComfyUI server ran out of memory{place}; ask for a smaller picture or fewer models at "
            "once, or try again when less is going on there.",
            True,
        )
    if kind.endswith("UnidentifiedImageError"):
        return "The ComfyUI server cannot read a picture that was sent along; send it as PNG or JPEG.", False
    name = word(kind.rpartition(".")[2])
    told = _harmless(message)
    said = ": ".join(part for part in (name, told) if part)
    return (
        f"The ComfyUI server failed{place}{f' ({said})' if said else ''}; try other parameters, and ask who "
        "runs it if it happens again.",
        False,
    )


def word(text: str) -> str:
    """A name from elsewhere, short and without anything that is no part of a name."""
    return "".join(letter for letter in text if letter.isalnum() or letter in " _-.+")[:_LONG].strip()


def _unread(status: int) -> Refusal:
    return Refusal(
        f"The ComfyUI server could not take the work (HTTP {status}); try again, and ask who runs it if it "
        "happens again.",
        retry=True,
    )


def _of_node(complaint: _Complaint, node: str) -> Refusal:
    name = ""
    if isinstance(complaint.extra_info, dict):
        name = word(str(complaint.extra_info.get("input_name") or ""))
    if complaint.type == "value_not_in_list" and node in _LOADERS:
        return Refusal(
            f"The ComfyUI server does not have this {_LOADERS[node]} any more; refresh the list and choose "
            "another.",
            retry=True,
            stale=True,
        )
    what = {
        "value_not_in_list": f"it has not the chosen {name} for its node {node}; choose another",
        "value_smaller_than_min": f"{name} of its node {node} is too small; ask for more",
        "value_bigger_than_max": f"{name} of its node {node} is too large; ask for less",
        "custom_validation_failed": f"its node {node} does not accept its {name}; send the picture again",
        "dependency_cycle": "the workflow goes in a circle; correct it",
    }.get(complaint.type, f"{name or 'an input'} of its node {node} does not fit; correct the workflow")
    stale = complaint.type in ("value_not_in_list", "required_input_missing", "return_type_mismatch")
    return Refusal(f"The ComfyUI server refused the work: {what}.", stale=stale)


def _of_prompt(complaint: _Complaint) -> Refusal:
    if complaint.type == "missing_node_type":
        info = complaint.extra_info if isinstance(complaint.extra_info, dict) else {}
        name = word(str(info.get("class_type") or ""))
        lacks = f"has no node {name}" if name else "was given a node of no kind"
        return Refusal(
            f"The ComfyUI server {lacks}; leave out what needs it, or have it installed there.", stale=True
        )
    if complaint.type == "prompt_no_outputs":
        return Refusal("The workflow makes no picture; add a node that saves one.")
    return Refusal("The ComfyUI server refused the work: the workflow is not valid; correct it.")


def _harmless(message: str) -> str:
    """The first line of a message, "" when it may hold a path or more than words."""
    line = message.strip().partition("\n")[0]
    if len(line) > 200 or not line.isprintable() or any(mark in line for mark in "/\\<>{}[]'\""):
        return ""
    return line.rstrip(". ")

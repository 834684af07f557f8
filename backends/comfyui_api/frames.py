"""What a server says over the websocket, read from its bytes (comfyui-protocol §2). Pure.

What is not known, and what is malformed, reads as None: custom nodes send frames of their own.
"""

import struct

import msgspec
from msgspec import Raw, Struct

_PREVIEW, _PREVIEW_WITH_METADATA = 1, 4
_HEADER = struct.Struct(">II")


class File(Struct, frozen=True):
    """A file on the server, as `GET /view` wants it."""

    filename: str
    subfolder: str = ""
    type: str = "output"


class Output(Struct, frozen=True):
    """What a node left; of its kinds only pictures are known here."""

    images: tuple[File, ...] = ()


class Text(Struct, frozen=True):
    """A text frame about one prompt. `node` is None where the frame names none, `value` and `max` are a
    progress's, `cached` the nodes that need not run, `output` what a node left.
    """

    kind: str
    prompt: str
    node: str | None = None
    value: float = 0.0
    max: float = 0.0
    cached: tuple[str, ...] = ()
    output: Output | None = None
    node_type: str = ""
    exception_type: str = ""
    exception_message: str = ""


class Picture(Struct, frozen=True):
    """A binary frame with a picture file. `prompt` and `node` are "" where the frame does not say."""

    data: bytes
    prompt: str = ""
    node: str = ""


Frame = Text | Picture


class _Envelope(Struct):
    type: str
    data: Raw = Raw()


class _Data(Struct):
    prompt_id: str | None = None
    node: str | None = None
    node_id: str | None = None
    value: float | None = 0.0
    max: float | None = 0.0
    nodes: tuple[str, ...] = ()
    output: Raw = Raw()
    node_type: str | None = None
    exception_type: str | None = None
    exception_message: str | None = None


class _Meta(Struct):
    prompt_id: str = ""
    node_id: str = ""


_KNOWN = frozenset(
    {
        "execution_start",
        "execution_cached",
        "executing",
        "progress",
        "executed",
        "execution_success",
        "execution_error",
        "execution_interrupted",
    }
)
_envelope = msgspec.json.Decoder(_Envelope)
_data = msgspec.json.Decoder(_Data)
_meta = msgspec.json.Decoder(_Meta)
_output = msgspec.json.Decoder(Output)


def read(message: str | bytes) -> Frame | None:
    """One message, or None when nothing here needs it."""
    return _text(message) if isinstance(message, str) else _binary(message)


def read_output(raw: bytes | Raw) -> Output | None:
    """A node's output; None when it has no pictures in a shape that is known."""
    try:
        return _output.decode(raw)
    except msgspec.MsgspecError:
        return None


def is_jpeg(data: bytes) -> bool:
    """Whether these bytes begin as a JPEG does, whatever the frame's own word for them."""
    return data.startswith(b"\xff\xd8\xff")


def is_picture(data: bytes) -> bool:
    """Whether these bytes begin as a picture in a format that is read here."""
    webp = data.startswith(b"RIFF") and data[8:12] == b"WEBP"
    return webp or is_jpeg(data) or data.startswith(b"\x89PNG\r\n\x1a\n")


def _text(message: str) -> Text | None:
    try:
        envelope = _envelope.decode(message)
        if envelope.type not in _KNOWN:
            return None
        data = _data.decode(envelope.data)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    if not data.prompt_id:
        return None  # sent without one only to a socket that took over another's id, which ours never do
    return Text(
        kind=envelope.type,
        prompt=data.prompt_id,
        node=data.node if data.node is not None else data.node_id,
        value=data.value or 0.0,
        max=data.max or 0.0,
        cached=data.nodes,
        output=read_output(data.output) if envelope.type == "executed" else None,
        node_type=data.node_type or "",
        exception_type=data.exception_type or "",
        exception_message=data.exception_message or "",
    )


def _binary(message: bytes) -> Picture | None:
    if len(message) < _HEADER.size:
        return None
    event, second = _HEADER.unpack_from(message)
    if event == _PREVIEW:
        found = Picture(message[_HEADER.size :])
    elif event == _PREVIEW_WITH_METADATA:
        end = _HEADER.size + second
        try:
            meta = _meta.decode(message[_HEADER.size : end])
        except msgspec.MsgspecError:
            return None
        found = Picture(message[end:], meta.prompt_id, meta.node_id)
    else:
        return None
    return found if is_picture(found.data) else None

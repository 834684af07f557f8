"""Reading what a safetensors file says about itself, without reading its tensors.

The format: eight bytes little-endian length, that many bytes of JSON, then tensor data. Nothing of a model
file is ever unpickled here.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Raw, Struct

MAX_HEADER_BYTES = 25 * 1024 * 1024
"""More than any real file has; a header that claims more is not read."""

_CHUNK = 1 << 20


class BadHeader(ValueError):
    """The file is not a safetensors file, or its header is damaged or too long."""


class _Tensor(Struct):
    shape: list[int]


class _Placed(Struct):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


class Header(Struct, frozen=True):
    """`metadata` are the file's own text entries; `tensors` the undecoded descriptions by tensor name."""

    metadata: Mapping[str, str]
    tensors: Mapping[str, Raw]

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, () when it has none that can be read."""
        raw = self.tensors.get(name)
        if raw is None:
            return ()
        try:
            return tuple(msgspec.json.decode(raw, type=_Tensor).shape)
        except msgspec.MsgspecError:
            return ()


def read_header(path: Path) -> Header:
    """The header of a safetensors file. Raises BadHeader or OSError."""
    with path.open("rb") as file:
        size = path.stat().st_size
        return _decode(file.read(_length(file, size)))


def raw_header(path: Path) -> Raw:
    """The header's JSON as it is, once it was found to be one. Raises BadHeader or OSError."""
    with path.open("rb") as file:
        data = file.read(_length(file, path.stat().st_size))
    _decode(data)
    return Raw(data.strip())


def check_start(data: bytes) -> None:
    """Raise BadHeader when a file that begins so cannot be a safetensors file; enough to stop a download."""
    length = int.from_bytes(data[:8], "little")
    if len(data) >= 8 and length > MAX_HEADER_BYTES:
        raise BadHeader("it does not begin like one")
    if len(data) >= 9 and data[8:9] != b"{":
        raise BadHeader("it does not begin like one")


def check_whole(path: Path) -> None:
    """Raise BadHeader unless the header is sound and its tensors fill the file exactly; OSError."""
    header = read_header(path)
    with path.open("rb") as file:
        size = path.stat().st_size
        room = size - 8 - _length(file, size)
    end = 0
    for name, raw in header.tensors.items():
        try:
            tensor = msgspec.json.decode(raw, type=_Placed)
        except msgspec.MsgspecError as wrong:
            raise BadHeader(f"its tensor {name[:80]} is not described: {wrong}") from None
        start, stop = tensor.data_offsets
        if not 0 <= start <= stop <= room or any(side < 0 for side in tensor.shape):
            raise BadHeader(f"its tensor {name[:80]} lies outside of the file")
        end = max(end, stop)
    if end != room:
        raise BadHeader(f"it holds {room} bytes of tensors where its header tells of {end}")


def tensor_hash(path: Path) -> str:
    """`0x` and the SHA-256 of the tensor bytes alone, so that editing the metadata keeps the hash."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        length = _length(file, path.stat().st_size)
        file.seek(8 + length)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return f"0x{digest.hexdigest()}"


def _length(file: BinaryIO, size: int) -> int:
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > size - 8:
        raise BadHeader("the file ends before its header does")
    if length > MAX_HEADER_BYTES:
        raise BadHeader(f"its header is {length} bytes long; at most {MAX_HEADER_BYTES} are read")
    return length


def _decode(data: bytes) -> Header:
    try:
        tensors = msgspec.json.decode(data, type=dict[str, Raw])
        raw = tensors.pop("__metadata__", None)
        found = {} if raw is None else msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as trouble:
        raise BadHeader(f"its header is not readable: {trouble}") from None
    return Header(metadata={k: v for k, v in found.items() if isinstance(v, str)}, tensors=tensors)

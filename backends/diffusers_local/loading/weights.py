"""Weight files on disk: whole, without code, how large in memory, and whether they have changed."""

import json
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_LONGEST_HEADER = 100_000_000
_PRECISION = re.compile(r"\.(fp16|bf16)[.-]")  # a dash where the weights lie in several files
_PICKLES = frozenset({".ckpt", ".pt", ".pth", ".bin", ".pkl"})
_BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8}
"""Bits of the float kinds of a safetensors file; the other kinds are kept as they are."""


class ModelTrouble(Exception):
    """A model cannot be used; the text is a sentence for the user, naming the file or class."""


def check_safetensors(path: Path) -> int:
    """Check that the file is as long as its header says; returns its bytes. Raises ModelTrouble."""
    read_header(path)
    return path.stat().st_size


def read_header(path: Path) -> dict[str, Any]:
    """A safetensors file's table of tensors (and `__metadata__`), once the file is known to be whole.

    Raises ModelTrouble, also for files of Python objects (pickles): reading those may run code.
    """
    named = f"{path.name} in {path.parent.name!r}"
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            if path.suffix.lower() in _PICKLES or start[:4] == b"PK\x03\x04" or start[:2] == b"\x80\x02":
                raise ModelTrouble(
                    f"{named} is a file of Python objects, which may hold code: only .safetensors files are "
                    "loaded. Convert it, or get it as .safetensors."
                )
            (length,) = struct.unpack("<Q", start)
            if length > min(size, _LONGEST_HEADER):
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        end = _end_of(header)
    except (OSError, ValueError, KeyError, TypeError, IndexError, struct.error, RecursionError) as error:
        raise ModelTrouble(f"{named} is no whole safetensors file: {error}.") from error
    if size != 8 + length + end:
        raise ModelTrouble(
            f"{named} holds {size} bytes where {8 + length + end} belong: copy or download it again."
        )
    return header


def _end_of(header: Any) -> int:
    """The byte behind the last tensor. Raises ValueError, KeyError or TypeError for what is no header."""
    if not isinstance(header, dict):
        raise ValueError("its header is no table")
    end = 0
    for name, entry in header.items():
        if name != "__metadata__":
            end = max(end, int(entry["data_offsets"][1]))
            if not isinstance(entry["dtype"], str) or not all(isinstance(n, int) for n in entry["shape"]):
                raise ValueError(f"its tensor {name!r} has no kind or shape")
    return end


def weight_files(part: Path) -> list[Path]:
    """The safetensors files of one component, full precision first. Raises ModelTrouble when there are
    none.
    """
    files = sorted(part.glob("*.safetensors"))
    if not files:
        other = " (it has .bin files: only .safetensors are loaded, because they hold no code)"
        raise ModelTrouble(
            f"The model's {part.name} has no .safetensors weights in {part.parent.name}/{part.name}"
            f"{other if list(part.glob('*.bin')) else ''}."
        )
    return _of_one_precision(files)


def precision_of(path: Path) -> str:
    """ "fp16" or "bf16" for a file that says so, as one of several of the same weights; "" for the others."""
    found = _PRECISION.search(path.name)
    return found[1] if found else ""


def _of_one_precision(files: list[Path]) -> list[Path]:
    """The files of full precision, or of the first other one that is there."""
    kept = min((precision_of(path) for path in files), default="")
    return [path for path in files if precision_of(path) == kept]


def bytes_of(model: Path, item: int | None = None) -> int:
    """Bytes a file or folder of weights will take in memory, its floats with `item` bytes each.

    Without `item`, with as many as on disk. What cannot be read counts by its length, or nothing.
    """
    return sum(_bytes_in(path, item) for path in _weights_below(model))


def _weights_below(model: Path) -> Iterator[Path]:
    if model.is_file():
        yield model
        return
    for folder in (model, *(path for path in sorted(model.glob("*")) if path.is_dir())):
        yield from _of_one_precision(sorted(folder.glob("*.safetensors")))


def _bytes_in(path: Path, item: int | None) -> int:
    try:
        if item is None:
            return path.stat().st_size
        header = read_header(path)
    except (OSError, ModelTrouble):
        return 0
    return sum(_bytes_as(entry, item) for name, entry in header.items() if name != "__metadata__")


def _bytes_as(entry: Mapping[str, Any], item: int) -> int:
    first, last = entry["data_offsets"]
    bits = _BITS.get(entry["dtype"])
    size = int(last) - int(first)
    return size if bits is None else size * 8 * item // bits


def stamp_of(path: Path) -> int:
    """Changes when a model's files are replaced, added or taken away, and stays the same on every start."""
    files = []
    for place in (path, *path.glob("*"), *path.glob("*/*")):
        try:
            found = place.stat()
        except OSError:
            continue
        files.append((str(place.relative_to(path)), found.st_mtime_ns, found.st_size))
    return zlib.crc32(repr(sorted(files)).encode())

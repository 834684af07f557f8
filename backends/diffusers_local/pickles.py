"""Takes the tensors out of an old model file (.ckpt, .pt, .pth, .bin), in a process of its own.

    python -m backends.diffusers_local.pickles SOURCE TARGET [--fp16]

Such files are pickles, which could run anything when they are opened as their makers meant. They never are:
PyTorch's reader for weights knows tensors, numbers, texts and plain containers, and nothing else
(torch.load, weights_only). What needs more is refused. The process has bounds of memory, and no more rights
or secrets than it needs; whoever starts it also bounds its time. Its last line is JSON: what it wrote
(`tensors`, `bytes`, `dropped`), or why not (`refused`).
"""

import argparse
import json
import pickle
import re
import struct
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch

INSIDE = ("state_dict", "params_ema", "params", "model_state_dict", "model", "module")
"""Keys under which programs keep the tensors of a model among other things."""

MOST_TENSORS = 100_000
_INFLATED = (
    4  # times the file's size that its tensors may come to; shared ones are written once for each name
)
_SPARE = 3 << 30  # bytes of memory beside the tensors: PyTorch itself, and what reading takes
_DEEP = 4
_KINDS = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_SHORTENED = (torch.float64, torch.float32, torch.bfloat16)
_GLOBAL = re.compile(r"(?:GLOBAL|global|class|function) (`?[\w.]+`?)")


class Refused(Exception):
    """The file cannot be converted; the text says why, as the rest of a sentence about it."""


def convert(source: Path, target: Path, *, half: bool) -> dict[str, int]:
    """Write the tensors of `source` as safetensors to `target`; how many, their bytes, and how many values
    that are none were left out. With `half` numbers get 16 bits where they fit. Raises Refused, OSError."""
    tensors, dropped = tensors_of(load(source))
    if not tensors:
        raise Refused("it holds no tensors")
    most = _INFLATED * source.stat().st_size + (1 << 20)
    if len(tensors) > MOST_TENSORS or sum(map(_bytes, tensors.values())) > most:
        raise Refused("its tensors would come to far more than the file itself")
    written = write(target, tensors, half=half)
    return {"tensors": len(tensors), "bytes": written, "dropped": dropped}


def load(source: Path) -> Any:
    """What lies in the file, where that is nothing but tensors and plain values. Raises Refused, OSError."""
    try:
        return torch.load(source, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(source))
    except pickle.UnpicklingError as more:
        found = _GLOBAL.search(str(more))
        if found is None:
            raise Refused("it is damaged, or no model file of PyTorch") from more
        raise Refused(
            f"beside its tensors it holds a Python object ({found[1].strip('`')}), and opening that could "
            "run a program; look for the .safetensors version of this model"
        ) from more
    except MemoryError as large:
        raise Refused("it takes more memory than a file of its size may") from large
    except (RuntimeError, ValueError, KeyError, EOFError, AttributeError, TypeError, IndexError) as bad:
        if "memory" in str(bad).lower():
            raise Refused("it takes more memory than a file of its size may") from bad
        raise Refused("it is damaged, or no model file of PyTorch") from bad


def tensors_of(loaded: Any) -> tuple[dict[str, torch.Tensor], int]:
    """The tensors by name, and how many other values there were. Raises Refused."""
    chosen = _chosen(loaded)
    found: dict[str, torch.Tensor] = {}
    dropped = 0
    for name, value in _walk(chosen, "", _DEEP):
        if isinstance(value, torch.Tensor):
            found[name] = _plain(name, value)
        else:
            dropped += 1
    return found, dropped


def _chosen(loaded: Any) -> Mapping[str, Any]:
    """The part of the file that is the model."""
    if isinstance(loaded, torch.Tensor):
        return {"emb_params": loaded}
    if not isinstance(loaded, Mapping):
        raise Refused("it holds no tensors by name")
    vectors = loaded.get("string_to_param")
    if isinstance(vectors, Mapping) and len(vectors) == 1:  # a textual inversion, under its token
        return {"emb_params": next(iter(vectors.values()))}
    for key in INSIDE:
        inside = loaded.get(key)
        if isinstance(inside, Mapping) and any(True for _, one in _walk(inside, "", 1) if _is_tensor(one)):
            return inside
    return loaded


def _walk(values: Mapping[Any, Any], before: str, deep: int) -> Iterator[tuple[str, Any]]:
    """Every value by its whole name; containers within containers are parted by dots."""
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and deep > 1:
            yield from _walk(value, f"{name}.", deep - 1)
        else:
            yield name, value


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _plain(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """The tensor without gradients. Raises Refused for kinds that safetensors has no word for."""
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.dtype not in _KINDS:
        raise Refused(f"its tensor {name[:80]!r} is of a kind that .safetensors cannot hold")
    return tensor.detach()


def _bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def write(target: Path, tensors: Mapping[str, torch.Tensor], *, half: bool) -> int:
    """Write a safetensors file, one tensor in memory at a time; gives its bytes. Raises OSError."""
    kinds = {name: _kind(tensor, half=half) for name, tensor in tensors.items()}
    # Wide ones first, so that each tensor begins at a multiple of its numbers' width.
    order = sorted(tensors, key=lambda name: (-kinds[name].itemsize, name))
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name in order:
        size = tensors[name].numel() * kinds[name].itemsize
        shape = list(tensors[name].shape)
        header[name] = {"dtype": _KINDS[kinds[name]], "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with target.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            _write_numbers(file, tensors[name].to(kinds[name]))
    return 8 + len(text) + at


def _kind(tensor: torch.Tensor, *, half: bool) -> torch.dtype:
    """The type its numbers are kept in. Those that 16 bits cannot hold stay as they are."""
    if not half or tensor.dtype not in _SHORTENED or not tensor.numel():
        return tensor.dtype
    largest = torch.finfo(torch.float16).max
    low, high = torch.aminmax(tensor)
    return torch.float16 if -largest <= float(low) and float(high) <= largest else tensor.dtype


def _write_numbers(file: BinaryIO, tensor: torch.Tensor) -> None:
    if tensor.numel():
        file.write(tensor.contiguous().flatten().view(torch.uint8).numpy().data)


def bound_memory(size: int) -> None:
    """Let this process take no more memory than a file of `size` bytes needs, where the system can say so."""
    try:
        import resource
    except ImportError:  # Windows
        return
    most = _SPARE + (_INFLATED + 1) * size
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def main() -> int:
    """Convert one file, as told on the command line."""
    parser = argparse.ArgumentParser(description="Takes the tensors out of an old model file.")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--fp16", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    try:
        bound_memory(given.source.stat().st_size)
        said: dict[str, Any] = dict(convert(given.source, given.target, half=given.fp16))
    except Refused as why:
        said = {"refused": str(why)}
    except MemoryError:
        said = {"refused": "it takes more memory than a file of its size may"}
    except OSError as trouble:
        said = {"refused": f"it could not be read or written ({trouble.strerror or trouble})"}
    sys.stdout.write(json.dumps(said) + "\n")
    return 0 if "refused" not in said else 1


if __name__ == "__main__":
    sys.exit(main())

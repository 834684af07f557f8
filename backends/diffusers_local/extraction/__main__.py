"""Takes a LoRA out of the difference of two models.

    python -m backends.diffusers_local.extraction BASE TUNED TARGET RANK [--about JSON]

It never holds more than one tensor of each model. Its lines are JSON: how far it is (`done` of `of`), and at
the end what it wrote (`tensors`, `bytes`; `held`, the part of the difference's energy that the LoRA has;
`left_out`, how many tensors differ that no LoRA can change), or why not (`refused`).
"""

import argparse
import json
import shutil
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from msgspec import Struct
from safetensors import SafetensorError

from backends.diffusers_local.extraction.halves import endings, halves, named
from backends.diffusers_local.extraction.weights import Files, Weight, Weights, weights_of
from backends.diffusers_local.loading.weights import ModelTrouble
from backends.diffusers_local.pickles import bound_memory

MOST_RANK = 2048
_KINDS = {torch.float32: "F32", torch.float16: "F16"}
_WIDE = ("F64", "F32")
_COPIES = 6  # of the largest tensor with 32 bits: both, their difference, and what taking it apart needs

Tell = Callable[[dict[str, Any]], None]


class Refused(Exception):
    """There will be no LoRA; the text says why, as the rest of a sentence about it."""


class Change(Struct, frozen=True):
    """A module that differs: what a LoRA's file calls it, its tensors, its shape in the base model, and how
    many ranks it can have."""

    module: str
    base: Weight
    tuned: Weight
    rank: int

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Of down and up, as the kind of its module has them."""
        out, *rest = self.base.shape
        ones = (1,) * (len(rest) - 1)
        return (self.rank, *rest), (out, self.rank, *ones)


def extract(
    base: Path,
    tuned: Path,
    target: Path,
    rank: int,
    about: Mapping[str, str],
    tell: Tell,
    bound: Callable[[int], None] = lambda size: None,
) -> None:
    """Write the LoRA that makes the base model nearly the tuned one. Raises Refused, ModelTrouble,
    OSError.

    `bound` hears how many bytes it takes before it takes them: a process of its own can then refuse more.
    """
    first, second = weights_of(base), weights_of(tuned)
    _check_alike(first, second)
    bound(_COPIES * _largest(first))
    files = Files()
    changes, left_out = _changes(first, second, files, rank, tell)
    if not changes:
        more = "; what differs between them no LoRA can change" if left_out else ""
        raise Refused(f"the two models do not differ where a LoRA could change one{more}")
    wide = any(files.kind(one) in _WIDE for change in changes for one in (change.base, change.tuned))
    kind = torch.float32 if wide else torch.float16
    header = _header(changes, kind, {**about, "ss_network_dim": str(rank), "ss_network_alpha": str(rank)})
    size = 8 + len(header) + sum(_numbers(change) for change in changes) * kind.itemsize
    free = shutil.disk_usage(target.parent).free
    if size > free:
        raise Refused(f"it takes {size >> 20} MiB, and {free >> 20} MiB of the disk are free")
    held = whole = 0.0
    with target.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for number, change in enumerate(changes, start=1):
            difference = _difference(change, files)
            up, down, part = halves(difference, change.rank)
            energy = float(difference.square().sum())
            held, whole = held + part * energy, whole + energy
            _write(file, change, down, up, kind)
            tell({"done": number, "of": len(changes)})
    tell(
        {
            "tensors": 2 * len(changes),
            "bytes": size,
            "held": held / whole if whole else 1.0,
            "left_out": left_out,
        }
    )


def _check_alike(base: Weights, tuned: Weights) -> None:
    """Raises Refused for models of which one is no tuned other."""
    if base.family.id != tuned.family.id:
        raise Refused(
            f"the base model is {base.family.name} and the other one {tuned.family.name}: a LoRA can only "
            "hold the difference of two models of the same architecture"
        )
    drawing = f"{base.denoiser}."
    for name in sorted(base.found.keys() | tuned.found.keys()):
        one, other = base.found.get(name), tuned.found.get(name)
        if one is None or other is None:
            if name.startswith(drawing):
                which = "base" if other is None else "other"
                raise Refused(f"the models are of different architectures: only the {which} model has {name}")
        elif _plain(one) != _plain(other):
            raise Refused(
                f"the models are of different architectures: {name} has the shape {list(one.shape)} in the "
                f"base model and {list(other.shape)} in the other one"
            )


def _plain(weight: Weight) -> tuple[int, ...]:
    """A shape, that of a convolution over single pixels being the matrix it is."""
    shape = weight.shape
    return shape[:2] if len(shape) == 4 and shape[2:] == (1, 1) else shape


def _largest(weights: Weights) -> int:
    """Bytes of the largest tensor with 32 bits a number."""
    return max(4 * torch.Size(one.shape).numel() for one in weights.found.values())


def _changes(base: Weights, tuned: Weights, files: Files, rank: int, tell: Tell) -> tuple[list[Change], int]:
    """What differs and can be in a LoRA, and how many tensors differ that cannot."""
    encoders = len({name.partition(".")[0] for name in base.found if name.startswith("text_encoder")})
    both = [name for name in base.found if name in tuned.found]
    found, left_out = [], 0
    for number, name in enumerate(both, start=1):
        one, other = base.found[name], tuned.found[name]
        if _same(files.read(one), files.read(other)):
            continue
        module = named(name, encoders=encoders) if len(one.shape) in (2, 4) else None
        if module is None:
            left_out += 1
        else:
            most = min(one.shape[0], torch.Size(one.shape[1:]).numel())
            found.append(Change(module, one, other, min(rank, most)))
        if number % 50 == 0:
            tell({"compared": number, "of": len(both)})
    return sorted(found, key=lambda change: change.module), left_out


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors are equal, or one is the other with its numbers made shorter."""
    one, other = one.flatten(), other.flatten()
    if one.dtype == other.dtype:
        return torch.equal(one, other)
    return torch.equal(one.to(other.dtype), other) or torch.equal(other.to(one.dtype), one)


def _difference(change: Change, files: Files) -> torch.Tensor:
    base = files.read(change.base).float()
    found = files.read(change.tuned).float().reshape(base.shape).sub_(base)
    if not bool(torch.isfinite(found).all()):
        raise Refused(f"there are numbers in {change.tuned.key} that are none (NaN or infinite)")
    return found


def _numbers(change: Change) -> int:
    return sum(torch.Size(shape).numel() for shape in change.shapes()) + _has_alpha(change)


def _has_alpha(change: Change) -> bool:
    return change.module.startswith("lora_")


def _header(changes: list[Change], kind: torch.dtype, about: Mapping[str, str]) -> bytes:
    told: dict[str, Any] = {"__metadata__": {"format": "pt", **about}}
    at = 0
    for change in changes:
        alpha = [(f"{change.module}.alpha", ())] if _has_alpha(change) else []
        names = zip(endings(change.module), change.shapes(), strict=True)
        for name, shape in [*((change.module + end, shape) for end, shape in names), *alpha]:
            size = torch.Size(shape).numel() * kind.itemsize
            told[name] = {"dtype": _KINDS[kind], "shape": list(shape), "data_offsets": [at, at + size]}
            at += size
    text = json.dumps(told, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)


def _write(file: BinaryIO, change: Change, down: torch.Tensor, up: torch.Tensor, kind: torch.dtype) -> None:
    """The numbers of a module in the order of the header. Its alpha is its rank: it acts as it is."""
    alpha = [torch.tensor(float(change.rank))] if _has_alpha(change) else []
    for tensor in (down, up, *alpha):
        file.write(tensor.to(kind).contiguous().flatten().view(torch.uint8).numpy().data)


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Extract one LoRA, as told on the command line."""
    parser = argparse.ArgumentParser(description="Takes a LoRA out of the difference of two models.")
    parser.add_argument("base", type=Path)
    parser.add_argument("tuned", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("rank", type=int, choices=range(1, MOST_RANK + 1), metavar="RANK")
    parser.add_argument("--about", default="{}", help="JSON object of texts for the file's header")
    given = parser.parse_args()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            about = json.loads(given.about)
            extract(given.base, given.tuned, given.target, given.rank, about, _say, bound_memory)
    except Refused as why:
        _say({"refused": str(why)})
    except ModelTrouble as trouble:
        _say({"refused": f"one of the models cannot be read: {str(trouble).rstrip('.')}"})
    except MemoryError:
        _say({"refused": "it takes more memory than there is"})
    except (OSError, SafetensorError) as trouble:
        words = getattr(trouble, "strerror", "") or trouble
        _say({"refused": f"a file could not be read or written ({words})"})
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())

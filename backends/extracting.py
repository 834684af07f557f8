"""Starts the process that takes a LoRA out of the difference of two models."""

import json
from collections.abc import Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from backends.side_process import NotDone, said_by

MODULE = "backends.diffusers_local.extraction"
MOST_RANK = 2048
"""Beyond it a LoRA would be larger than most models, and 16 bits do not count further exactly."""
SILENCE = 900.0
"""Seconds within which the process must say something: a slow disk reads its fifty tensors in that time."""

NotExtracted = NotDone
"""There is no LoRA; the text says why, as the rest of a sentence about it."""


class Extracted(Struct, frozen=True):
    """What was written: how many tensors, the file's bytes, the part of the difference's energy that it holds
    (0..1), and how many tensors differ that no LoRA can change."""

    tensors: int
    bytes: int
    held: float
    left_out: int


class Step(Struct, frozen=True):
    """How far it is: tensors `compared`, or modules `done`, of so many."""

    of: int
    compared: int = 0
    done: int = 0


async def extract(
    base: Path, tuned: Path, target: Path, rank: int, about: Mapping[str, str], tell: Callable[[Step], None]
) -> Extracted:
    """Write the LoRA of a rank that makes the base model nearly the tuned one, with `about` in its header.

    Ended when it is cancelled. Raises NotExtracted.
    """
    words = (str(base), str(tuned), str(target), str(rank), "--about", json.dumps(dict(about)))
    answer: dict[str, Any] = {}
    async with aclosing(said_by(MODULE, *words, silence=SILENCE)) as lines:
        async for line in lines:
            answer = line
            if "of" in line:
                tell(msgspec.convert(line, Step))
    if "tensors" not in answer:
        raise NotExtracted("the process that made it ended before it was done")
    return msgspec.convert(answer, Extracted)

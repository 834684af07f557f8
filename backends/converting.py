"""Starts the process that takes the tensors out of an old model file, and bounds its time."""

from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from backends.side_process import NotDone, said_by

MODULE = "backends.diffusers_local.pickles"
LEAST_SECONDS = 300.0
BYTES_A_SECOND = 5 << 20
"""What a slow disk does, with the reading and the writing."""

NotConverted = NotDone
"""The file stays as it is; the text says why, as the rest of a sentence about it."""


class Converted(Struct, frozen=True):
    """What was written: how many tensors, the file's bytes, and how many other values were left out."""

    tensors: int
    bytes: int
    dropped: int = 0


async def convert(source: Path, target: Path, *, half: bool, seconds: float | None = None) -> Converted:
    """Write the tensors of `source` as safetensors to `target`. Raises NotConverted.

    `seconds` it may take at most; without, as long as a slow disk needs. With `half` numbers get 16 bits.
    """
    limit = seconds or LEAST_SECONDS + source.stat().st_size / BYTES_A_SECOND
    words = [str(source), str(target), *(["--fp16"] if half else [])]
    answer: dict[str, Any] = {}
    async with aclosing(said_by(MODULE, *words, silence=limit)) as lines:
        async for line in lines:
            answer = line
    return msgspec.convert(answer, Converted)

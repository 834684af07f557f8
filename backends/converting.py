"""Starts the process that takes the tensors out of an old model file, and bounds its time.

The process knows nothing of the hub, and nothing of the hub's surroundings but where Python lies.
"""

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from backends.spawn import ROOT

MODULE = "backends.diffusers_local.pickles"
LEAST_SECONDS = 300.0
BYTES_A_SECOND = 5 << 20
"""What a slow disk does, with the reading and the writing."""

_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "VIRTUAL_ENV")


class NotConverted(Exception):
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
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", MODULE, *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=str(ROOT),
            env=_environment(),
        )
    except OSError as trouble:
        raise NotConverted(f"no process could be started for it ({trouble.strerror})") from trouble
    try:
        said, errors = await asyncio.wait_for(process.communicate(), limit)
    except TimeoutError as late:
        raise NotConverted(f"it was not ready after {limit:.0f} seconds") from late
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return _read(said, errors, process.returncode)


def _read(said: bytes, errors: bytes, code: int | None) -> Converted:
    """The last line of the process. Raises NotConverted."""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    try:
        answer: dict[str, Any] = msgspec.json.decode(lines[-1] if lines else "", type=dict[str, Any])
    except msgspec.MsgspecError:
        if b"No module named" in errors:
            raise NotConverted(
                "this hub was set up without its own engine, whose PyTorch reads such files"
            ) from None
        raise NotConverted(f"the process that read it broke (exit code {code})") from None
    if "refused" in answer:
        raise NotConverted(str(answer["refused"]))
    return msgspec.convert(answer, Converted)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:replace", "OMP_NUM_THREADS": "1"}

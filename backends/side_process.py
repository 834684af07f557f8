"""A short process beside the hub that does one thing with files and says how it went, in lines of JSON.

It knows nothing of the hub, and nothing of the hub's surroundings but where Python lies. Its lines are
objects; the last one is its answer, where `refused` says why there is none.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from backends.spawn import ROOT

_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "VIRTUAL_ENV")
_LONGEST_LINE = 1 << 20
_NO_ENGINE = "this hub was set up without its own engine, whose PyTorch reads such files"


class NotDone(Exception):
    """The process has not done it; the text says why, as the rest of a sentence about its file."""


async def said_by(module: str, *words: str, silence: float) -> AsyncGenerator[dict[str, Any]]:
    """Run `python -m module words` and give each object it says, the last one being its answer.

    It is ended when it says nothing for `silence` seconds, and when nobody listens any more (close the
    generator). Raises NotDone.
    """
    process = await _started(module, words)
    errors = asyncio.ensure_future(process.stderr.read() if process.stderr else _nothing())
    last: dict[str, Any] | None = None
    try:
        while line := await _line(process, silence):
            with contextlib.suppress(msgspec.MsgspecError):
                last = msgspec.json.decode(line, type=dict[str, Any])
                if "refused" in last:
                    raise NotDone(str(last["refused"]))
                yield last
        code = await process.wait()
        if code or last is None:
            broke = f"the process that read it broke (exit code {code})"
            raise NotDone(_NO_ENGINE if b"No module named" in await errors else broke)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        errors.cancel()


async def _started(module: str, words: tuple[str, ...]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", module, *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=str(ROOT),
            env=_environment(),
            limit=_LONGEST_LINE,
        )
    except OSError as trouble:
        raise NotDone(f"no process could be started for it ({trouble.strerror})") from trouble


async def _line(process: asyncio.subprocess.Process, silence: float) -> bytes:
    """The next line it says, b"" at its end."""
    if process.stdout is None:
        return b""
    try:
        return await asyncio.wait_for(process.stdout.readline(), silence)
    except TimeoutError as late:
        raise NotDone(f"it was not ready after {silence:.0f} seconds") from late
    except ValueError as long:
        raise NotDone("the process that read it broke (it said too much)") from long


async def _nothing() -> bytes:
    return b""


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:replace", "OMP_NUM_THREADS": "1"}

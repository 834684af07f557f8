"""An image classifier in a process of its own: started for the first picture, asked one after the other.

The process knows nothing of the hub. To it go pictures, each behind four bytes of length; from it come lines
of JSON: the first says that it is ready, each further one what it sees or why it cannot tell. It ends with
its input.
"""

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from backends.cores import engine_threads
from backends.spawn import ROOT

MODULE = "backends.diffusers_local.classifier"
LOAD_SECONDS = 600.0
LOOK_SECONDS = 300.0
_LONGEST_LINE = 1 << 20
_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "VIRTUAL_ENV")


class NotJudged(Exception):
    """The picture was not looked at; the text says why."""


class Judge:
    """Asks the classifier in `folder`. A process that died is started again for the next picture."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def scores(self, data: bytes) -> dict[str, float]:
        """How sure it is (0..1) of each label for an encoded picture. Raises NotJudged."""
        async with self._turn:
            try:
                process = await self._running()
                stdin = process.stdin
                if stdin is None:
                    raise NotJudged("its process takes no pictures")
                stdin.write(len(data).to_bytes(4, "big") + data)
                await stdin.drain()
                answer = await self._line(process, LOOK_SECONDS)
            except (OSError, NotJudged, asyncio.CancelledError) as trouble:
                # What it answers late must not be taken for the next picture's.
                await self._end()
                if isinstance(trouble, OSError):
                    raise NotJudged(f"its process broke: {trouble}") from trouble
                raise
        if "refused" in answer:
            raise NotJudged(str(answer["refused"]))
        return msgspec.convert(answer["scores"], dict[str, float])

    async def stop(self) -> None:
        """End the process, also while it looks at something: whoever waits for that gets NotJudged."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        async with self._turn:
            await self._end()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONUTF8": "1"}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", MODULE, str(self._folder), str(engine_threads())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=ROOT,
            env=environment,
            limit=_LONGEST_LINE,
        )
        answer = await self._line(self._process, LOAD_SECONDS)
        if "refused" in answer:
            raise NotJudged(str(answer["refused"]))
        return self._process

    async def _line(self, process: asyncio.subprocess.Process, seconds: float) -> dict[str, Any]:
        if process.stdout is None:
            raise NotJudged("its process says nothing")
        try:
            line = await asyncio.wait_for(process.stdout.readline(), seconds)
            return msgspec.json.decode(line, type=dict[str, Any])
        except TimeoutError as late:
            raise NotJudged(f"its process said nothing for {seconds:g} s") from late
        except msgspec.MsgspecError as wrong:
            raise NotJudged("its process ended in the middle of it") from wrong

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()

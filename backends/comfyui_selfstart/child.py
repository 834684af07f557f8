"""One life of a ComfyUI process: started behind its guard, its lines read, ended."""

import asyncio
import contextlib
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from backends.comfyui_selfstart.plan import Plan
from backends.contract import Misconfigured, Unreachable

_GUARD = Path(__file__).resolve().parent / "guard.py"
_POLITE_SECONDS = 4.0
"""How long ComfyUI has for an orderly end."""

_LONGEST_LINE = 2000
_MOST_LINES = 200
"""Lines in one second that are told; the rest of that second are counted."""

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Child:
    """A started ComfyUI and its port. `gone` is done when it has ended, with its exit code."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, reader: asyncio.Task[None]) -> None:
        self.port = port
        self.gone: asyncio.Task[int] = asyncio.create_task(process.wait())
        self._process = process
        self._reader = reader

    async def end(self) -> None:
        """End it and everything it started; returns when it is gone."""
        if self._process.stdin is not None:
            self._process.stdin.close()  # the guard ends it now
        done, _ = await asyncio.wait({self.gone}, timeout=2 * _POLITE_SECONDS)
        if not done:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()  # the guard itself hangs: on Linux its program dies with it
            await self.gone
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._reader
        self._reader.cancel()


async def start(plan: Plan, told: Callable[[str], None]) -> Child:
    """Start it on a free port of this machine; `told` gets every line it prints, without secrets.

    Raises Misconfigured when the system refuses to run it.
    """
    port = free_port()
    words = (sys.executable, "-I", str(_GUARD), f"{_POLITE_SECONDS:g}", *plan.at(port))
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=plan.folder,
            env=dict(plan.environment),
            limit=1 << 20,
            # not reached by the keys of the hub's terminal: the hub ends it itself, in order
            start_new_session=os.name == "posix",
        )
    except OSError as error:
        raise Misconfigured(
            f"The process of ComfyUI cannot be started: {error.strerror or 'the system refuses it'}. "
            "Check StartScript and Python."
        ) from error
    lines = Lines(told, plan.secrets)
    return Child(process, port, asyncio.create_task(_read(process.stdout, lines)))


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ended(code: int) -> Unreachable:
    """What is told of an end that nobody asked for."""
    how = f"killed by signal {code - 128}" if 128 < code < 160 else f"exit code {code}"
    return Unreachable(f"ComfyUI ended by itself ({how}); the log of the hub has what it said last.")


class Lines:
    """Makes of printed text the lines of a log: no secrets, no colours, of a progress bar only its end, and
    no flood.
    """

    def __init__(
        self,
        told: Callable[[str], None],
        secrets: tuple[str, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._told = told
        self._secrets = secrets
        self._clock = clock
        self._second = clock()
        self._count = 0

    def take(self, printed: bytes) -> None:
        """One line as it was printed."""
        for text in self._cleaned(printed):
            now = self._clock()
            if now - self._second >= 1:
                if self._count > _MOST_LINES:
                    self._told(f"({self._count - _MOST_LINES} more lines in that second)")
                self._second, self._count = now, 0
            self._count += 1
            if self._count <= _MOST_LINES:
                self._told(text)

    def _cleaned(self, printed: bytes) -> Iterator[str]:
        text = printed.decode(errors="replace").rstrip("\r\n").rpartition("\r")[2]
        text = _ESCAPES.sub("", text).rstrip()
        for secret in self._secrets:
            text = text.replace(secret, "…")
        if text:
            yield text if len(text) <= _LONGEST_LINE else text[:_LONGEST_LINE] + "…"


async def _read(output: asyncio.StreamReader | None, lines: Lines) -> None:
    while output is not None:
        try:
            line = await output.readline()
        except ValueError:  # a line over the limit: its rest follows
            continue
        if not line:
            return
        lines.take(line)

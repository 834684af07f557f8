"""NVIDIA's cards as their own tool tells of them: one `nvidia-smi` in loop mode, read line by line.

A single process that stays costs next to nothing; one each second would cost a tenth of a core, and asking
the driver from this process would load native code into the hub.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

FIELDS = (
    "index",
    "name",
    "temperature.gpu",
    "utilization.gpu",
    "utilization.memory",
    "memory.total",
    "memory.free",
    "memory.used",
    "power.draw",
)
MIB = 2**20
STALE_SECONDS = 15.0
"""A card that has not been told of for so long is not told of any more."""
AGAIN_SECONDS = 60.0
"""Pause before a tool that ended is started again."""
_NONE = -1.0
_log = logging.getLogger("hub.resources")


class Gpu(Struct, frozen=True):
    """A card (swarm-api §2.5): degrees Celsius, per cent, bytes; `power` in watts is ours. What the driver
    does not tell is 0.
    """

    id: int
    name: str
    temperature: int
    utilization_gpu: int
    utilization_memory: int
    total_memory: int
    free_memory: int
    used_memory: int
    power: float


def command(tool: str) -> tuple[str, ...]:
    """The command line that tells of every card once a second."""
    return (tool, f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits", "--loop=1")


def read_line(line: str) -> Gpu | None:
    """A card from a line of the tool's table; None for any other line (headings, complaints)."""
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) < len(FIELDS) or not cells[0].isdigit():
        return None
    name = ", ".join(cells[1 : len(cells) - len(FIELDS) + 2])  # a name may have commas in it
    figures = [_figure(cell) for cell in cells[len(cells) - len(FIELDS) + 2 :]]
    if figures[3] == _NONE:  # without its memory it is no card one could show
        return None
    heat, busy, memory_busy, total, free, used, power = (max(0.0, figure) for figure in figures)
    return Gpu(
        int(cells[0]),
        name,
        round(heat),
        round(busy),
        round(memory_busy),
        round(total * MIB),
        round(free * MIB),
        round(used * MIB),
        power,
    )


def _figure(text: str) -> float:
    """A number, -1 for what the driver does not tell ([N/A], [Not Supported], ERR!)."""
    try:
        return float(text)
    except ValueError:
        return _NONE


class Cards:
    """The cards of this machine as last told. `find` looks for the tool; it may be missing."""

    def __init__(
        self,
        find: Callable[[], Sequence[str] | None] = lambda: _found(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._clock = clock
        self._told: dict[int, tuple[float, Gpu]] = {}
        self._task: asyncio.Task[None] | None = None
        self.tool_missing = False

    def now(self) -> Mapping[int, Gpu]:
        """Every card that was told of lately, by its number."""
        oldest = self._clock() - STALE_SECONDS
        return {number: gpu for number, (when, gpu) in sorted(self._told.items()) if when >= oldest}

    def start(self) -> None:
        """Begin to read."""
        self._task = asyncio.get_running_loop().create_task(self._watch(), name="graphics cards")

    async def stop(self) -> None:
        """End the tool."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while True:
            words = await asyncio.to_thread(self._find)
            if words is None:
                self.tool_missing = True
                return
            try:
                await self._read(words)
            except (OSError, ValueError) as trouble:
                _log.debug("the tool for graphics cards: %s", trouble)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _read(self, words: Sequence[str]) -> None:
        """Read until the tool ends. It ends with us: a pipe that nobody reads breaks."""
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
        )
        try:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            async for line in process.stdout:
                gpu = read_line(line.decode("utf-8", "replace"))
                if gpu is not None:
                    self._told[gpu.id] = (self._clock(), gpu)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _found() -> Sequence[str] | None:
    tool = shutil.which("nvidia-smi")
    return None if tool is None else command(tool)

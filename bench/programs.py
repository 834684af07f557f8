"""Starts the programs a bench compares, on free loopback ports, and ends exactly those."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0
"""Seconds a program may take until it answers."""


@dataclass(frozen=True)
class Program:
    """A running program: its pid, its loopback port and, for a hub, its data folder."""

    pid: int
    port: int
    data: Path | None = None


def free_port() -> int:
    """A loopback port nobody listens on at this moment."""
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        port: int = asking.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def running(
    words: Sequence[str], port: int, env: Mapping[str, str] | None = None, data: Path | None = None
) -> AsyncIterator[Program]:
    """Run `python words…` until the block ends; yields once its port accepts a connection."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, env={**os.environ, **(env or {})}
    )
    try:
        await _answers(port, process)
        yield Program(process.pid, port, data)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                process.kill()
                await process.wait()


@contextlib.asynccontextmanager
async def peer(name: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Program]:
    """Run `bench/peers/<name>.py` on a free port."""
    port = free_port()
    async with running(["-m", f"bench.peers.{name}", str(port)], port, env) as program:
        yield program


@contextlib.asynccontextmanager
async def hub(env: Mapping[str, str] | None = None) -> AsyncIterator[Program]:
    """Run the hub on a data folder of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="hub-bench-", ignore_cleanup_errors=True) as folder:
        words = ["-m", "hub", "serve", "--port", str(port), "--data-dir", folder, "--no-browser"]
        async with running([*words, "--log-level", "warning"], port, env, Path(folder)) as program:
            yield program


async def _answers(port: int, process: asyncio.subprocess.Process) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if process.returncode is not None:
            raise RuntimeError(f"the program on port {port} ended with code {process.returncode}")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise TimeoutError(f"nothing answered on port {port} within {PATIENCE:.0f} s")

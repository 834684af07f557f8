"""The hub under test: a process on one data folder that is started again after each death."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from bench.programs import PATIENCE, ROOT, free_port

ENV = {
    "HUB_FOLDERS_ENGINES": str(ROOT / "bench" / "engines"),
    "HUB_ENGINES_TYPES": "ready_png kilobytes=4",
    "HUB_LIMITS_WAITING_IMAGES": "20000",
}


class Life:
    """One data folder, on a file system of its own of so many `mib` where one may be mounted, and the hub on
    it."""

    def __init__(self, mib: int) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="hub-soak-"))
        self.data = self.folder / "data"
        self.data.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(self.data)]
        self.mounted = shutil.which("mount") is not None and not subprocess.call(
            words, stderr=subprocess.DEVNULL
        )
        self.lives = 0
        self.killed_workers = 0
        self._edges = self.folder / "edges.json"
        self._pretended: dict[str, Any] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._output = (self.folder / "output.txt").open("ab")

    @property
    def up(self) -> bool:
        """Whether the hub's process is there."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the hub and wait until it answers."""
        words = ["-m", "bench.soaking.served", str(self._edges), "serve", "--port", str(self.port)]
        more = ["--data-dir", str(self.data), "--no-browser", "--log-level", "warning"]
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, *words, *more),
            cwd=ROOT,
            env={**os.environ, **ENV},
            stdout=self._output,
            stderr=self._output,
        )
        self.lives += 1
        self.killed_workers = 0
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self._process.returncode is not None:
                raise RuntimeError(f"the hub did not start; see {self.folder / 'output.txt'}")
            if await asyncio.to_thread(self._answers):
                return
            await asyncio.sleep(0.1)
        raise TimeoutError("the hub does not answer")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/hub/v1/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    async def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        if self._process is not None:
            await self._process.wait()

    async def end(self) -> None:
        """Let the hub stop as a user would."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), PATIENCE)
            except TimeoutError:
                await self.kill()

    def kill_worker(self) -> bool:
        """SIGKILL one of the hub's engine processes; False when there is none."""
        if self._process is None:
            return False
        try:
            workers = psutil.Process(self._process.pid).children()
            workers[0].kill()
        except (psutil.Error, IndexError):
            return False
        self.killed_workers += 1
        return True

    def resident(self) -> float:
        """MiB of memory that the hub's own process has."""
        assert self._process is not None
        return float(psutil.Process(self._process.pid).memory_info().rss) / 2**20

    def pretend(self, **what: Any) -> None:
        """Move an edge of the hub: `shift` of its clock in seconds, `full` disk."""
        self._pretended |= what
        part = self._edges.with_suffix(".part")
        part.write_text(json.dumps(self._pretended), "utf-8")
        part.replace(self._edges)

    async def clear(self) -> None:
        """Leave nothing behind."""
        await self.kill()
        self._output.close()
        if self.mounted:
            await asyncio.to_thread(subprocess.call, ["umount", "-l", str(self.data)])
        shutil.rmtree(self.folder, ignore_errors=True)

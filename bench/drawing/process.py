"""Runs cases in a process of their own, so that its threads are chosen before PyTorch is imported."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from bench.programs import ROOT


async def run_cases(cases: Sequence[str], threads: int) -> dict[str, dict[str, Any]]:
    """What `bench.drawing` told of each case. Raises RuntimeError when it ended badly."""
    env = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.drawing", *cases, cwd=ROOT, env=env, stdout=asyncio.subprocess.PIPE
    )
    if child.stdout is None:
        raise RuntimeError("the bench's process has no output")
    told: dict[str, dict[str, Any]] = {}
    async for line in child.stdout:
        if line.startswith(b"{"):
            one = json.loads(line)
            told[one["case"]] = one
            print("  " + line.decode().strip(), flush=True)
    if await child.wait():
        raise RuntimeError(f"the bench's process ended with code {child.returncode}")
    return told

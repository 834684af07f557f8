"""The tests of generation, run again with every hub drawing through a second one.

In an ordinary run only a sample; all of it with --long. By hand: `pytest tests/swarm_api --chained`.
"""

import asyncio
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent.relative_to(ROOT)

SAMPLE = ("test_interrupt.py", "test_generate.py::TestOneRequest")
"""Whole conversations, and interrupts of every scope."""

FAST = (
    "test_accepting.py",
    "test_conformance_history.py",
    "test_crash.py",
    "test_events.py",
    "test_generate.py",
    "test_grid_page.py",
    "test_grids.py",
    "test_history.py",
    "test_image_batches.py",
    "test_interrupt.py",
    "test_outputs.py",
    "test_queue.py",
    "test_unable.py",
    "test_watch.py",
    "test_wildcards.py",
)
"""What the sketch engine draws."""

REAL = ("test_local_engine.py", "test_local_families.py", "test_reuse.py")
"""What the engine of this machine draws."""

pytestmark = pytest.mark.unchained("it chains by itself")


async def chained(files: tuple[str, ...], *, seconds: float) -> None:
    """Run tests in a process of their own, through a second hub."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "--chained", "-q", "-p", "no:cacheprovider"),
        *(str(HERE / file) for file in files),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        told, _ = await asyncio.wait_for(process.communicate(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
    text = told.decode("utf-8", "replace")
    assert process.returncode == 0 and " passed" in text, text[-8000:]


async def test_a_sample_through_a_second_hub() -> None:
    await chained(SAMPLE, seconds=300)


@pytest.mark.long
@pytest.mark.parametrize("files", [FAST, REAL], ids=["sketched", "drawn"])
async def test_all_of_it_through_a_second_hub(files: tuple[str, ...]) -> None:
    await chained(files, seconds=900)

"""CPU seconds another process has used, read from the outside, and where this one runs."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def cpu_seconds(pid: int) -> float:
    """User and system seconds of the process `pid` so far; 10 ms fine on Linux, 1 s elsewhere."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK
    text = subprocess.run(
        ["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True, check=True
    ).stdout.strip()
    seconds = 0.0
    for part in text.replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep every thread of this process, and those it begins meanwhile, on one core, where that is possible.

    Waking a thread on another core takes a few tens of microseconds more than on the same one, for as long as
    the scheduler leaves it there. Of two that do the same one looks a quarter slower then, by chance.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    _keep_on({min(before)})
    try:
        yield
    finally:
        _keep_on(before)


def _keep_on(cores: set[int]) -> None:
    for task in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # a thread that has just ended
            os.sched_setaffinity(int(task.name), cores)

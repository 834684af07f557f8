"""Memory of processes, and what this one can give back. Both block for a moment."""

import ctypes
import gc
import sys

import psutil


def resident(pid: int | None) -> int:
    """Bytes of memory that a process and what it has started take up; 0 for one that is gone."""
    if pid is None:
        return 0
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(_of(member) for member in family)


def _of(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def give_back() -> int:
    """Let go of what nobody refers to any more and hand empty pages back to the system; how many bytes."""
    before = _of(psutil.Process())
    gc.collect()
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError):  # another C library
            pass
    return max(0, before - _of(psutil.Process()))

"""How many threads native code should use on this machine."""

import os
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")


def physical_cores() -> int:
    """Physical cores this process may run on; logical ones where the system does not tell."""
    allowed = _allowed_cores()
    siblings = {_sibling_list(core) for core in allowed}
    return max(1, min(len(siblings), _quota()))


def engine_threads(wanted: int = 0) -> int:
    """`wanted` when positive; else every physical core, minus one for the hub when there are more than
    two.
    """
    if wanted > 0:
        return wanted
    cores = physical_cores()
    return cores - 1 if cores > 2 else cores


def _allowed_cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _sibling_list(core: int) -> str:
    try:
        return (_TOPOLOGY / f"cpu{core}/topology/thread_siblings_list").read_text()
    except OSError:
        return str(core)


def _quota() -> int:
    """Cores a container may use, rounded up; a large number when unlimited."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, -(-int(limit) // int(period)))
    except (OSError, ValueError):
        return 1 << 16

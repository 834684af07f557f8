"""How much memory a forward needs and how much is left, on a graphics card or on the processor."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

_SELF = Path("/proc/self")
_CGROUP = Path("/sys/fs/cgroup")
_FRESH = 0.5  # seconds; asking takes a tenth of a millisecond


@dataclass(slots=True)
class Peak:
    """What a forward needed beyond what was held before it, in bytes; 0 where that cannot be seen."""

    bytes: int = 0


class Gauge:
    """Looks at the memory of one device. On the processor it reads what Linux tells; elsewhere nothing."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._looked = float("-inf")
        self._free: int | None = None

    def free(self) -> int | None:
        """Bytes a forward may still take, as of half a second ago at most; None where nobody tells."""
        now = time.perf_counter()
        if now - self._looked > _FRESH:
            self._looked, self._free = now, self._look()
        return self._free

    def _look(self) -> int | None:
        if self._device.type == "cuda":
            left, _ = torch.cuda.mem_get_info(self._device)
            cached = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
            return left + cached
        return _left() if self._device.type == "cpu" else None

    def settle(self) -> None:
        """Wait until the device has done what it was given: only then is a forward's time known."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        elif self._device.type in ("mps", "xpu"):
            getattr(torch, self._device.type).synchronize()

    @contextlib.contextmanager
    def watch(self) -> Iterator[Peak]:
        """Measure what is taken inside. On the processor other threads' memory is counted too, so that the
        peak is rather too large than too small.
        """
        peak = Peak()
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            before = torch.cuda.memory_allocated(self._device)
            yield peak
            peak.bytes = max(0, torch.cuda.max_memory_allocated(self._device) - before)
            return
        before = _own("VmRSS") if self._device.type == "cpu" and _forget_peak() else 0
        yield peak
        if before:
            peak.bytes = max(0, _own("VmHWM") - before)


def out_of_memory(error: BaseException) -> bool:
    """Memory ran out, the device's or the machine's."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def _forget_peak() -> bool:
    """Let the kernel begin a new high-water mark of this process's memory (proc(5), clear_refs)."""
    try:
        (_SELF / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _own(field: str) -> int:
    try:
        return _field(_SELF / "status", field)
    except OSError:
        return 0


def _left() -> int | None:
    """What the machine has left, or the container if that has less."""
    try:
        left = _field(Path("/proc/meminfo"), "MemAvailable")
    except OSError:
        return None
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        if limit != "max":
            left = min(left, max(0, int(limit) - int((_CGROUP / "memory.current").read_text())))
    except (OSError, ValueError):
        pass
    return left or None


def _field(path: Path, name: str) -> int:
    """A line like `VmRSS:  123 kB` of a file of the kernel, in bytes; 0 without one."""
    for line in path.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0

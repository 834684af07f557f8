"""One look at the machine: processor, memory, disk. Blocks for a moment; called on a thread."""

import os
import shutil
from pathlib import Path

import psutil
from msgspec import Struct


class Look(Struct, frozen=True):
    """Shares of 0 to 1, bytes. `cpu` is the share of all cores' time since the last look, `hub_cpu` the
    hub's own share of one core, `ram_used` what no program could have, `hub_ram` the hub's own memory; the
    disk is the one of the outputs.
    """

    cpu: float
    cores: int
    hub_cpu: float
    ram_total: int
    ram_used: int
    ram_free: int
    hub_ram: int
    disk_total: int
    disk_free: int


class Machine:
    """Looks again and again. `folder` is on the disk that is told of; it need not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ourselves = psutil.Process()
        psutil.cpu_percent(None)  # the first look of each is the time that the next ones count from
        self._ourselves.cpu_percent(None)

    def look(self) -> Look:
        """How things are now."""
        memory = psutil.virtual_memory()
        total, free = self._disk()
        return Look(
            cpu=psutil.cpu_percent(None) / 100,
            cores=os.cpu_count() or 1,
            hub_cpu=self._ourselves.cpu_percent(None) / 100,
            ram_total=memory.total,
            ram_used=memory.total - memory.available,
            ram_free=memory.available,
            hub_ram=self._ourselves.memory_info().rss,
            disk_total=total,
            disk_free=free,
        )

    def _disk(self) -> tuple[int, int]:
        """Bytes of the whole disk and free ones, 0 for a disk that cannot be asked."""
        for folder in (self._folder, *self._folder.parents):
            try:
                usage = shutil.disk_usage(folder)
            except FileNotFoundError:
                continue
            except OSError:
                break
            return usage.total, usage.free
        return 0, 0

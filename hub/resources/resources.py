"""One task that looks at everything once a second and remembers it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from hub.resources.gpus import Cards, Gpu
from hub.resources.machine import Look, Machine
from hub.resources.rings import GRAINS, History, Rings

SECONDS = GRAINS[0][0]
"""Between two looks."""
_log = logging.getLogger("hub.resources")

Figures = Callable[[], Mapping[str, float]]
"""Further columns of a sample, by name. Called on the event loop; must not wait."""


class Now(Struct, frozen=True):
    """The machine as it was a moment ago."""

    look: Look
    gpus: Mapping[int, Gpu]


class Resources:
    """The machine, now and before. `figures` are what the hub itself has going."""

    def __init__(
        self,
        folder: Path,
        figures: Figures = dict,
        *,
        cards: Cards | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._machine = Machine(folder)
        self._figures = figures
        self._cards = cards or Cards()
        self._clock = clock
        self._wall = wall
        self._rings = Rings()
        self._look: Look | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._cards.start()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="resources")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._cards.stop()

    async def now(self) -> Now:
        """How things are; the first question looks itself."""
        look = self._look
        if look is None:
            look = self._look = await asyncio.to_thread(self._machine.look)
        return Now(look, self._cards.now())

    def history(self, step: float = SECONDS, after: float = 0.0) -> History:
        """Rows of the finest grain that is at least `step` seconds coarse, those after a time (unix seconds)
        only. Times follow this machine's clock as it is now, so that a clock that was set leaves no gap.
        """
        shift = self._wall() - self._clock()
        found = self._rings.since(step, after - shift)
        return History(found.step, [round(when + shift, 3) for when in found.times], found.columns)

    async def sample(self) -> None:
        """Look once and remember it."""
        look = self._look = await asyncio.to_thread(self._machine.look)
        self._rings.add(
            self._clock(), {**_columns(look), **_card_columns(self._cards.now()), **self._figures()}
        )

    async def _run(self) -> None:
        while True:
            try:
                await self.sample()
            except Exception:
                _log.exception("the machine could not be looked at; it is tried again")
            await asyncio.sleep(SECONDS - self._clock() % SECONDS)


def _columns(look: Look) -> dict[str, float]:
    return {
        "cpu": look.cpu,
        "hub_cpu": look.hub_cpu,
        "ram_used": look.ram_used,
        "hub_ram": look.hub_ram,
        "disk_free": look.disk_free,
    }


def _card_columns(gpus: Mapping[int, Gpu]) -> dict[str, float]:
    columns: dict[str, float] = {}
    for number, gpu in gpus.items():
        columns |= {
            f"gpu{number}_use": gpu.utilization_gpu / 100,
            f"gpu{number}_memory_used": gpu.used_memory,
            f"gpu{number}_temperature": gpu.temperature,
            f"gpu{number}_power": gpu.power,
        }
    return columns

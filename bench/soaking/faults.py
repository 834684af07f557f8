"""What goes wrong while the tabs are busy: one fault after the other, in random order."""

import asyncio
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from bench.soaking.life import Life

DAY = 86_400.0
MOST_WORKERS = 4
"""Deaths of an engine in one life of the hub before it is only started on demand (see backends/restarts)."""
RECOVER_SECONDS = 4.0
"""After the storage refused something: what was told and not written is written by then."""


class Faults:
    """Kills, a full disk, a locked database, a clock that is set. `counts` says how often each came."""

    def __init__(self, life: Life, seed: int) -> None:
        self._life = life
        self._dice = random.Random(seed)
        self.counts: Counter[str] = Counter()

    async def go_on(self, until: Callable[[], bool], *, kill_hub: bool) -> None:
        """One fault after the other until told to stop; each is over before the next."""
        kinds: list[Callable[[], Awaitable[None]]] = [
            self._kill_worker,
            self._fill_disk,
            self._lock_database,
            self._set_clock,
        ]
        if kill_hub:
            kinds += [self._kill_hub]
        while not until():
            line = self._dice.sample(kinds, len(kinds))
            for fault in line:
                if until():
                    return
                await asyncio.sleep(0.5 + 2 * self._dice.random())
                await fault()

    async def _kill_hub(self) -> None:
        await self._life.kill()
        self.counts["hub killed"] += 1
        await self._life.start()

    async def _kill_worker(self) -> None:
        if self._life.killed_workers < MOST_WORKERS and self._life.kill_worker():
            self.counts["worker killed"] += 1

    async def _fill_disk(self) -> None:
        self.counts["disk full"] += 1
        seconds = 0.5 + 2 * self._dice.random()
        if not self._life.mounted:
            self._life.pretend(full=True)
            await asyncio.sleep(seconds)
            self._life.pretend(full=False)
        else:
            ballast = self._life.data / "ballast"
            await asyncio.to_thread(self._fill, seconds)
            ballast.unlink(missing_ok=True)
        await asyncio.sleep(RECOVER_SECONDS)

    def _fill(self, seconds: float) -> None:
        """Fill the disk to the last byte and keep it so for a while."""
        full_since: float | None = None
        size = 1 << 20
        with (self._life.data / "ballast").open("wb", buffering=0) as file:
            while full_since is None or time.monotonic() < full_since + seconds:
                try:
                    file.write(bytes(size))
                except OSError:
                    if size > 1:
                        size //= 16
                        continue
                    full_since = full_since or time.monotonic()
                    time.sleep(0.02)

    async def _lock_database(self) -> None:
        self.counts["database locked"] += 1
        seconds = self._dice.choice((0.3, 1.0, 7.0))
        await asyncio.to_thread(self._hold_lock)
        await asyncio.sleep(seconds)
        self._held.execute("ROLLBACK")
        self._held.close()
        await asyncio.sleep(RECOVER_SECONDS)

    def _hold_lock(self) -> None:
        file = next(self._life.data.glob("*.sqlite3"))
        self._held = sqlite3.connect(file, isolation_level=None, timeout=10, check_same_thread=False)
        self._held.execute("BEGIN IMMEDIATE")

    async def _set_clock(self) -> None:
        self.counts["clock set"] += 1
        self._life.pretend(shift=self._dice.choice((-400 * DAY, -3600.0, 0.0, 3600.0, 400 * DAY)))
        await asyncio.sleep(0.5)

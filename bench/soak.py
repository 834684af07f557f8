"""Many tabs while workers and the hub are killed, the disk fills, the database locks, the clock is set.

200 sockets generate over a fast engine for minutes; tabs close in the middle, come back, cancel, sign out. In
the first half the hub is killed again and again, in the second it lives on through everything else, and its
memory is watched. In the end every accepted job must have one final state, every picture its whole file and
every file its row.

Longer or shorter: HUB_SOAK_SECONDS (300) and HUB_SOAK_SOCKETS (200) in the environment; HUB_SOAK_SEED chooses
another order of events.
"""

import asyncio
import os
import statistics
import time

from bench.report import Figure
from bench.soaking.books import Books, Findings
from bench.soaking.faults import Faults
from bench.soaking.life import Life
from bench.soaking.tabs import Tabs

SECONDS = 300.0
SOCKETS = 200
SETTLE_SECONDS = 300.0
SAMPLE_SECONDS = 1.0
DISK_MIB = 128
MIB_A_SECOND = 2
"""What the pictures may take; the rest is filled to the brim now and then."""


async def measure() -> list[Figure]:
    """Let it happen, then look what is left of it."""
    seconds = float(os.environ.get("HUB_SOAK_SECONDS", SECONDS))
    sockets = int(os.environ.get("HUB_SOAK_SOCKETS", SOCKETS))
    seed = int(os.environ.get("HUB_SOAK_SEED", 1))
    life, books = Life(int(DISK_MIB + MIB_A_SECOND * seconds)), Books()
    faults, tabs = Faults(life, seed), Tabs(life, books, seed)
    try:
        await life.start()
        tabs.open(sockets)
        await faults.go_on(_after(seconds / 2), kill_hub=True)
        sizes: list[float] = []
        watching = asyncio.create_task(_watch(life, sizes))
        await faults.go_on(_after(seconds / 2), kill_hub=False)
        life.pretend(shift=0)
        await tabs.settle(SETTLE_SECONDS)
        watching.cancel()
        await tabs.close()
        await life.end()
        found = await asyncio.to_thread(books.check, life.data)
    finally:
        await tabs.close()
        await life.clear()
    return _figures(found, sizes, books, faults, life.lives)


def _after(seconds: float) -> "Until":
    return Until(time.monotonic() + seconds)


class Until:
    """Tells when a moment has come."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def __call__(self) -> bool:
        """Whether it has."""
        return time.monotonic() >= self._moment


async def _watch(life: Life, sizes: list[float]) -> None:
    while True:
        if life.up:
            sizes.append(life.resident())
        await asyncio.sleep(SAMPLE_SECONDS)


def _figures(found: Findings, sizes: list[float], books: Books, faults: Faults, lives: int) -> list[Figure]:
    what = ", ".join(f"{many} x {name}" for name, many in faults.counts.most_common())
    seen = f"{found.jobs} jobs and {found.pictures} pictures over {lives} lives of the hub; {what}"
    quarter = max(1, len(sizes) // 4)
    early, late = (
        statistics.median(sizes[quarter : 2 * quarter] or sizes),
        statistics.median(sizes[-quarter:]),
    )
    return [
        _none("accepted jobs and told pictures that are lost", found.lost, seen),
        _none("accepted jobs without a final state", found.without_end),
        _none("pictures made twice", found.doubled),
        _none("pictures broken, rows without a file, files without a row", found.broken),
        _none("ends told otherwise than they were written", found.told_otherwise),
        _none("answers that something broke inside", books.errors["internal_error"], _told(books)),
        Figure(
            "growth of the hub's memory over the last half of its last life",
            late - early,
            "MiB",
            floor=32.0,
            aim=8.0,
            ours=f"{early:.0f} MiB, then {late:.0f} MiB",
        ),
    ]


def _none(what: str, many: int, ours: str = "") -> Figure:
    return Figure(what, float(many), "", floor=0.0, aim=0.0, ours=ours)


def _told(books: Books) -> str:
    common = ", ".join(f"{many} x '{text}'" for text, many in books.errors.most_common(4))
    return f"what users were told instead of pictures: {common or 'nothing'}"

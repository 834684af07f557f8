"""CPU of preview fan-out to 200 sockets: the hub, plain Litestar sends, websockets.broadcast."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable

from websockets.asyncio.client import connect

from bench.calls import Line
from bench.cpu import cpu_seconds
from bench.programs import Program, peer
from bench.report import Figure
from bench.sinks import sinks

SOCKETS = 200
FRAMES = 60
SIZE = 20_000
PAUSE = 0.05
ROUNDS = 5
Publish = Callable[[], Awaitable[object]]


async def measure() -> list[Figure]:
    """Alternate rounds of the same frames through all three; compare CPU seconds a delivered frame."""
    async with (
        peer("hub_fanout") as ours,
        peer("bare_litestar") as plain,
        peer("websockets_broadcast") as bare,
    ):
        async with connect(f"ws://127.0.0.1:{bare.port}/control") as control:

            async def by_broadcast() -> object:
                await control.send(f"{FRAMES} {SIZE} {PAUSE}")
                return await control.recv()

            ways: list[tuple[Program, str, Publish]] = [
                (ours, "/hub/v1/bench/listen", lambda: _post(ours.port, "/hub/v1/bench/publish")),
                (plain, "/listen", lambda: _post(plain.port, "/publish")),
                (bare, "/", by_broadcast),
            ]
            rounds = [[await _round(*way) for way in ways] for _ in range(ROUNDS + 1)][1:]
    hub, litestar, broadcast = (statistics.median(column) for column in zip(*rounds, strict=True))
    return [
        Figure(
            f"CPU a preview frame to {SOCKETS} sockets against plain Litestar sends",
            statistics.median(row[0] / row[1] for row in rounds),
            "x",
            floor=1.15,
            aim=0.95,
            ours=f"{hub * 1e6:.1f} us a delivered frame",
            peer=f"{litestar * 1e6:.1f} us",
        ),
        Figure(
            "the same against websockets.broadcast, which keeps nothing back for a slow socket",
            statistics.median(row[0] / row[2] for row in rounds),
            "x",
            floor=1.3,
            aim=1.0,
            ours=f"{hub * 1e6:.1f} us a delivered frame",
            peer=f"{broadcast * 1e6:.1f} us",
        ),
    ]


async def _post(port: int, path: str) -> object:
    line = await Line.open(port)
    answer = await line.post(path, frames=FRAMES, size=SIZE, pause=PAUSE)
    line.close()
    return answer


async def _round(program: Program, path: str, publish: Publish) -> float:
    """CPU seconds of the server for each frame that arrived. Raises RuntimeError when many did not.

    The readers are new each round: they answer no pings, so they must be gone before the server minds.
    """
    readers = await sinks(SOCKETS, program.port, path, b"{}")
    before = cpu_seconds(program.pid)
    await publish()
    await asyncio.sleep(0.3)
    spent = cpu_seconds(program.pid) - before
    arrived = sum(reader.received for reader in readers) / SIZE
    for reader in readers:
        reader.close()
    if arrived < 0.95 * SOCKETS * FRAMES:
        raise RuntimeError(
            f"only {arrived:.0f} of {SOCKETS * FRAMES} frames arrived; the machine is too busy"
        )
    return spent / arrived

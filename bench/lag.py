"""How long the hub's event loop keeps a caller waiting while the engine computes beside it."""

import asyncio
import json
import statistics
import time

from websockets.asyncio.client import connect

from bench.calls import Line
from bench.programs import hub, peer
from bench.report import Figure

WINDOWS = 4
SECONDS = 6.0
"""A window's length; both sides get as many windows, in turn."""
TICK = 0.002
USERS = 4


async def lag_beside(threads: int) -> Figure:
    """The 99th percentile of a small question's answer time while four users generate, against the same
    while a plain process computes on as many threads and the hub has nothing else to do.
    """
    env = {"HUB_ENGINES_THREADS": str(threads)}
    async with hub(env) as ours, peer("busy", {"OMP_NUM_THREADS": str(threads)}) as busy:
        line = await Line.open(ours.port)
        session = (await line.post("/API/GetNewSession"))["session_id"]
        line.close()
        await _generate(ours.port, session, 1, 4)  # the model is loaded
        generating, computing = list[float](), list[float]()
        for _ in range(WINDOWS):
            generating += await _while_generating(ours.port, session)
            _, writer = await asyncio.open_connection("127.0.0.1", busy.port)
            computing += await _ask(ours.port, session)
            writer.close()
    ours_s, peer_s = _p99(generating), _p99(computing)
    return Figure(
        f"hub's lag (p99) while {USERS} users generate, against beside a computing process",
        ours_s / peer_s,
        "x",
        floor=1.2,
        aim=1.0,
        ours=f"{ours_s * 1000:.2f} ms",
        peer=f"{peer_s * 1000:.2f} ms",
    )


async def _while_generating(port: int, session: str) -> list[float]:
    users = [asyncio.create_task(_for_ever(port, session)) for _ in range(USERS)]
    times = await _ask(port, session)
    for user in users:
        user.cancel()
    await asyncio.wait(users)
    line = await Line.open(port)
    await line.post("/API/InterruptAll", session_id=session)
    line.close()
    return times


async def _for_ever(port: int, session: str) -> None:
    while True:
        await _generate(port, session, 4, 16)


async def _generate(port: int, session: str, images: int, steps: int) -> None:
    request = {"session_id": session, "images": images, "prompt": "a red circle", "steps": steps, "seed": 1}
    address = f"ws://127.0.0.1:{port}/API/GenerateText2ImageWS"
    async with connect(address, max_size=None, compression=None, close_timeout=0.1) as client:
        await client.send(json.dumps(request | {"donotsave": True}))
        async for frame in client:
            if '"error"' in str(frame)[:20]:
                raise RuntimeError(str(frame)[:300])


async def _ask(port: int, session: str) -> list[float]:
    """Ask every two milliseconds through a window and note how long each answer took."""
    line = await Line.open(port)
    question = line.request("/API/GetCurrentStatus", json.dumps({"session_id": session}).encode())
    await asyncio.sleep(0.3)
    times, until = list[float](), time.perf_counter() + SECONDS
    while (began := time.perf_counter()) < until:
        await line.send(question)
        times.append(time.perf_counter() - began)
        await asyncio.sleep(TICK)
    line.close()
    return times


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]

"""One generation through the socket, previews on, against the same diffusers call alone."""

import asyncio
import json
import statistics
import time

from websockets.asyncio.client import connect

from backends.cores import engine_threads
from bench.calls import Line
from bench.programs import hub, peer
from bench.report import Figure

PAIRS = 20
WARMUP = 3
PROMPT = "a red circle on a blue background"
STEPS, CFG = 16, 3.0
GRACE = 0.015
"""Seconds the floor allows beside its factor: socket, queue, file and rows."""


async def measure() -> list[Figure]:
    """With one thread on both sides, which shows what the hub adds; then with what the engine would take."""
    return [await _beside(threads) for threads in dict.fromkeys((1, engine_threads()))]


async def _beside(count: int) -> Figure:
    """Alternate a picture through the hub with one by the stock pipeline: same weights, steps, CFG, seed,
    and as many threads at most."""
    threads = str(count)
    env = {"HUB_ENGINES_THREADS": threads}
    alone = {"OMP_NUM_THREADS": threads, "HF_HUB_OFFLINE": "1"}
    async with hub(env) as ours, peer("plain_pipeline", alone) as plain:
        line = await Line.open(ours.port)
        session = (await line.post("/API/GetNewSession"))["session_id"]
        line.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", plain.port)
        address = f"ws://127.0.0.1:{ours.port}/API/GenerateText2ImageWS"
        for seed in range(WARMUP):  # first calls load, choose kernels, fill caches: on both sides
            await _by_the_pipeline(reader, writer, seed)
        for seed in range(WARMUP):
            await _through_the_hub(address, session, seed)
        pairs = [
            (await _through_the_hub(address, session, seed), await _by_the_pipeline(reader, writer, seed))
            for seed in range(PAIRS)
        ]
        writer.close()
    ours_s, plain_s = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    return Figure(
        f"one picture through the socket, previews on, against the diffusers call alone, threads: {count}",
        ratio,
        "x",
        floor=1.05 + GRACE / plain_s,
        aim=1.0,
        ours=f"{ours_s * 1000:.1f} ms",
        peer=f"{plain_s * 1000:.1f} ms (the floor is 1.05x plus {GRACE * 1000:.0f} ms)",
    )


async def _through_the_hub(address: str, session: str, seed: int) -> float:
    """Seconds from sending the request to the `image` frame, on a socket that is open already."""
    request = {"session_id": session, "images": 1, "prompt": PROMPT, "seed": seed, "steps": STEPS}
    async with connect(address, max_size=None, compression=None, close_timeout=0.1) as client:
        began = time.perf_counter()
        await client.send(json.dumps(request | {"cfgscale": CFG, "width": 256, "height": 256}))
        while True:
            frame = await client.recv(decode=False)
            if frame.startswith(b'{"image":'):
                return time.perf_counter() - began
            if frame.startswith(b'{"error"'):
                raise RuntimeError(frame[:300].decode())


async def _by_the_pipeline(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seed: int) -> float:
    """Seconds of the stock call, measured where it runs."""
    writer.write(f"{STEPS} {CFG} {seed} {PROMPT}\n".encode())
    return float(await reader.readline())

"""Jobs per second through the whole hub: sockets, parameters, queue, worker protocol, file and rows.

One request in flight a socket, sockets reused, a ready 512x512 PNG through the real worker protocol, timed to
the `image` frame. Before that frame the file and its row are committed; after each run the hub is killed with
SIGKILL and every announced picture is looked for on disk and in the database.

Then what company costs: idle pages, a long line, one user with very many images.
"""

import asyncio
import json
import os
import signal
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from websockets.asyncio.client import ClientConnection, connect

from bench.calls import Line
from bench.idle import beside_idle_pages
from bench.programs import ROOT, Program, hub
from bench.report import Figure
from bench.waiting import fairness, one_more

SECONDS = 6.0
WARMUP = 40
REQUEST = {"images": 1, "prompt": "a ready picture", "width": 512, "height": 512, "steps": 1, "seed": 1}
ENV = {"HUB_FOLDERS_ENGINES": str(ROOT / "bench" / "engines"), "HUB_ENGINES_TYPES": "ready_png"}
LIMITS = {1: (300.0, 500.0), 16: (400.0, 800.0), 64: (400.0, 800.0)}
"""Sockets: (floor, aim), in jobs a second."""


async def measure() -> list[Figure]:
    """Run with few and many sockets beside a bare loop that keeps the same files and rows; then the rest."""
    figures = await _throughput()
    async with hub(ENV) as ours:
        figures += await beside_idle_pages(ours, REQUEST)
    return [*figures, await one_more(), fairness()]


async def _throughput() -> list[Figure]:
    figures = []
    for sockets, (floor, aim) in LIMITS.items():
        async with hub(ENV) as ours:
            rate, urls = await _run(ours, sockets)
            os.kill(ours.pid, signal.SIGKILL)
            await asyncio.sleep(0.3)
            lost = _missing(ours.data or Path(), urls)
        if lost:
            raise RuntimeError(f"{lost} of {len(urls)} announced pictures are not on disk after SIGKILL")
        bare = _bare(len(urls))
        word = "socket" if sockets == 1 else "sockets"
        figures.append(
            Figure(
                f"jobs a second with {sockets} {word}, none of {len(urls)} lost to SIGKILL",
                rate,
                "jobs/s",
                floor=floor,
                aim=aim,
                ours=f"{rate:.0f} jobs/s",
                peer=f"{bare:.0f}/s by a bare loop that writes the same files and commits two rows each",
                better="higher",
            )
        )
    return figures


async def _run(ours: Program, sockets: int) -> tuple[float, list[str]]:
    line = await Line.open(ours.port)
    session = (await line.post("/API/GetNewSession"))["session_id"]
    line.close()
    address = f"ws://127.0.0.1:{ours.port}/API/GenerateText2ImageWS"
    first = json.dumps({"session_id": session} | REQUEST)
    clients = [await connect(address, max_size=None, compression=None) for _ in range(sockets)]
    urls: list[str] = []
    for _ in range(max(1, WARMUP // sockets)):
        await asyncio.gather(*(_one(client, first, urls) for client in clients))
    urls.clear()
    began = time.perf_counter()
    await asyncio.gather(*(_many(client, first, urls, began + SECONDS) for client in clients))
    rate = len(urls) / (time.perf_counter() - began)
    for client in clients:
        client.transport.abort()
    return rate, urls


async def _many(client: ClientConnection, request: str, urls: list[str], until: float) -> None:
    while time.perf_counter() < until:
        await _one(client, request, urls)


async def _one(client: ClientConnection, request: str, urls: list[str]) -> None:
    await client.send(request)
    while True:
        frame = await client.recv(decode=False)
        if frame.startswith(b'{"image":'):
            urls.append(json.loads(frame)["image"])
            return
        if frame.startswith(b'{"error"'):
            raise RuntimeError(frame[:300].decode())


def _missing(data: Path, urls: Sequence[str]) -> int:
    """How many announced pictures lack their file or their row."""
    with sqlite3.connect(next(data.glob("*.sqlite3"), data / "hub.db")) as database:
        rows = {path for (path,) in database.execute("SELECT path FROM images")}
    paths = [unquote(url).removeprefix("View/local/") for url in urls]
    root = data / "outputs" / "local"
    return sum(path not in rows or not (root / path).is_file() for path in paths)


def _bare(count: int) -> float:
    """Files of the same size a second when only the keeping is done: no socket, no queue, no worker."""
    data = os.urandom(130 * 1024)
    with tempfile.TemporaryDirectory(prefix="hub-bench-bare-") as folder:
        place = Path(folder)
        database = sqlite3.connect(place / "bare.db")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("CREATE TABLE kept (name TEXT UNIQUE, text TEXT)")
        began = time.perf_counter()
        for number in range(count):
            for row in (f"job {number}", f"image {number}"):
                database.execute("INSERT INTO kept VALUES (?, ?)", (row, "x" * 600))
                database.commit()
            part = place / f"{number}.part"
            part.write_bytes(data)
            part.rename(place / f"{number}.png")
        rate = count / (time.perf_counter() - began)
        database.close()
    return rate

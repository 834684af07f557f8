"""What idle company costs: one job beside a thousand open pages, and the memory each of those takes."""

import asyncio
import json
import statistics
import urllib.request
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from bench.calls import Line
from bench.cpu import cpu_seconds
from bench.programs import Program
from bench.report import Figure
from bench.sinks import Sink, sinks

PAGES = 1000
SECONDS = 2.0
ROUNDS = 15
Taken = tuple[float, float]
"""Seconds a job: of the hub's CPU, and in all."""

NAME, WORD = "worker", "a word for the bench"


async def beside_idle_pages(ours: Program, request: dict[str, object]) -> list[Figure]:
    """The time of one job of one user, without and with a thousand pages of another user that only listen."""
    address = f"ws://127.0.0.1:{ours.port}/API/GenerateText2ImageWS"
    session = await asyncio.to_thread(_session_of_a_user, ours.port)
    first = json.dumps({"session_id": session} | request)
    alone: list[Taken] = []
    beside: list[Taken] = []
    kib = 0.0
    await _job(ours, address, first)
    for turn in range(ROUNDS):
        alone.append(await _job(ours, address, first))
        before = _resident(ours.pid)
        pages = await _open_pages(ours.port)
        if not turn:  # later ones take places that are there already
            kib = (_resident(ours.pid) - before) / PAGES / 1024
        beside.append(await _job(ours, address, first))
        for page in pages:
            page.close()
        await asyncio.sleep(1.0)
    cost = statistics.median(after[0] / before[0] for before, after in zip(alone, beside, strict=True))
    return [
        Figure(
            f"CPU of one job beside {PAGES} idle pages against none",
            cost,
            "x",
            floor=1.05,
            aim=1.02,
            ours=f"{_told(beside)} beside them, {_told(alone)} alone",
            peer="a broadcast to every socket costs ComfyUI about 70 x",
        ),
        Figure(
            "memory of an idle session with its open socket",
            kib,
            "KiB",
            floor=64.0,
            aim=32.0,
            ours=f"{kib:.1f} KiB",
            peer="a bare socket of the same server is most of it",
        ),
    ]


async def _open_pages(port: int) -> list[Sink]:
    """As many sessions, each with a socket that hears all events of its user."""
    opened: list[Sink] = []
    line = await Line.open(port)
    for _ in range(PAGES):
        session = (await line.post("/API/GetNewSession"))["session_id"]
        first = json.dumps({"session_id": session}).encode()
        opened += await sinks(1, port, "/hub/v1/events", first)
    line.close()
    await asyncio.sleep(1.0)
    silent = sum(not page.received for page in opened)
    if silent:
        raise RuntimeError(f"{silent} of {PAGES} pages were told nothing")
    return opened


async def _job(ours: Program, address: str, request: str) -> Taken:
    """The mean over some seconds on a new socket, one job after the other."""
    loop = asyncio.get_running_loop()
    async with connect(address, max_size=None, compression=None) as client:
        await _one(client, request)
        began, used, jobs = loop.time(), cpu_seconds(ours.pid), 0
        while loop.time() < began + SECONDS:
            await _one(client, request)
            jobs += 1
        return (cpu_seconds(ours.pid) - used) / jobs, (loop.time() - began) / jobs


def _told(taken: list[Taken]) -> str:
    cpu, wall = (1000 * statistics.median(column) for column in zip(*taken, strict=True))
    return f"{cpu:.2f} ms of CPU and {wall:.2f} ms in all"


async def _one(client: ClientConnection, request: str) -> None:
    await client.send(request)
    while not (frame := await client.recv(decode=False)).startswith(b'{"image":'):
        if frame.startswith(b'{"error"'):
            raise RuntimeError(frame[:300].decode())


def _session_of_a_user(port: int) -> str:
    """A session of somebody else than the pages' user."""
    account = {"username": NAME, "password": WORD}
    _post(port, "RegisterBasic", account)
    token = _post(port, "Login", account)[1].partition(";")[0]
    answer, _ = _post(port, "GetNewSession", {}, token)
    if answer["user_id"] != NAME:
        raise RuntimeError(f"the session is of {answer['user_id']}")
    return str(answer["session_id"])


def _post(port: int, name: str, body: dict[str, str], cookie: str = "") -> tuple[dict[str, str], str]:
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    call = urllib.request.Request(f"http://127.0.0.1:{port}/API/{name}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(call) as answer:  # noqa: S310
        return json.loads(answer.read()), answer.headers.get("Set-Cookie", "")


def _resident(pid: int) -> float:
    """Bytes of memory a process has."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return float(line.split()[1]) * 1024
    raise RuntimeError("no such process")

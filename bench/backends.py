"""Pictures drawn by ComfyUI servers: what the hub adds, what four of them give, what stopping loses.

The servers are the played ones of tests/comfy, whose every step takes a fixed time.
"""

import asyncio
import contextlib
import json
import random
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect

from bench.calls import Line
from bench.programs import Program, free_port, hub, running
from bench.report import Figure
from tests.comfy.server import Settings
from tests.comfy.serving import serving

STEP = 0.025
"""Seconds of a step of the servers that are compared with."""
PAIRS = 15
ENGINES = 4
RACES = 1000
RUNNERS = 8
"""Users who ask and stop at the same time."""
PATIENCE = 20.0
REQUEST: dict[str, Any] = {
    "images": 1,
    "model": "mini-sd15",
    "prompt": "a red cat",
    "width": 512,
    "height": 512,
    "steps": 20,
}
ENDLESS = 400
"""Steps: at a tenth of a second each nothing ends by itself."""
QUEUE = b"GET /queue HTTP/1.1\r\nHost: server\r\n\r\n"
FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


async def measure() -> list[Figure]:
    """One picture through the hub and directly in turn; four servers beside one; a thousand races."""
    return [await _overhead(), await _parallel(), await _races()]


# ---- what the hub adds ---------------------------------------------------------------------------------


async def _overhead() -> Figure:
    async with _servers(1) as (server,), _hub([server.port]) as ours:
        async with _talking(ours) as talk:
            graph, extra = await _learned(talk, server.port)
            hub_seconds, direct_seconds = [], []
            async with _direct(server.port) as direct:
                for seed in range(1, PAIRS + 1):
                    hub_seconds.append(await talk.picture(seed=2 * seed))
                    direct_seconds.append(await direct.picture(graph, extra, seed=2 * seed + 1))
    ratios = [a / b for a, b in zip(hub_seconds, direct_seconds, strict=True)]
    return Figure(
        "one picture through the hub, to its `image` frame, beside the same graph asked for directly",
        statistics.median(ratios),
        "x",
        1.10,
        1.05,
        f"{statistics.median(hub_seconds) * 1000:.0f} ms",
        f"{statistics.median(direct_seconds) * 1000:.0f} ms",
    )


async def _learned(talk: "_Talk", port: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The graph that the hub posts and what goes with it, read from the server while it runs."""
    line = await Line.open(port)
    asked = asyncio.create_task(talk.picture(seed=1))
    running: list[Any] = []
    while not running:
        await asyncio.sleep(0.02)
        running = json.loads(await line.send(QUEUE))["queue_running"]
    await asked
    line.close()
    extra = {name: value for name, value in running[0][3].items() if name not in ("client_id", "create_time")}
    return running[0][2], extra


# ---- many servers --------------------------------------------------------------------------------------


async def _parallel() -> Figure:
    alone = await _rate(1, 8)
    together = await _rate(ENGINES, 8 * ENGINES)
    return Figure(
        f"pictures a second with {ENGINES} servers beside one",
        together / alone,
        "x",
        3.8,
        3.95,
        f"{together:.2f}/s with {ENGINES}",
        f"{alone:.2f}/s with one",
        better="higher",
    )


async def _rate(engines: int, images: int) -> float:
    """Pictures a second of one request, from the first to the last `image` frame of those after a warm-up."""
    async with _servers(engines, 0.05) as servers, _hub([server.port for server in servers]) as ours:
        async with _talking(ours) as talk:
            await talk.pictures(images=engines * 2, width=64, height=64)
            began = time.perf_counter()
            await talk.pictures(images=images, width=64, height=64)
            return images / (time.perf_counter() - began)


# ---- races ---------------------------------------------------------------------------------------------


async def _races() -> Figure:
    """Ask and stop at any moment of the way; lost is a prompt that was stopped and drawn all the same."""
    played = Settings(step_seconds=0.1, start_gap=0.002)
    async with contextlib.AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(serving(played)) for _ in range(ENGINES)]
        ours = await stack.enter_async_context(_hub([server.port for server in servers]))
        runners = [_runner(ours, number, RACES // RUNNERS) for number in range(RUNNERS)]
        ended_late = sum(await asyncio.gather(*runners))
        await asyncio.sleep(2.0)  # what was stopped is gone by now; what was lost would run for 40 s
        left = sum(server.memory.remaining() for server in servers)
        taken = sum(len(server.memory.taken) for server in servers)
        drawn = sum(status == "success" for server in servers for _, status in server.memory.ended)
    return Figure(
        f"prompts lost in {RACES} races of asking and stopping",
        float(drawn + left + ended_late),
        "lost",
        0,
        0,
        f"{taken} of {RACES} had reached a server when they were stopped",
    )


async def _runner(ours: Program, number: int, races: int) -> int:
    """One user's races; how many did not end in time."""
    chance = random.Random(number)
    late = 0
    async with _talking(ours) as talk:
        for race in range(races):
            await talk.ask(steps=ENDLESS, width=64, height=64, seed=number * races + race + 1)
            await talk.until(b'{"status":{"waiting_gens":1')  # accepted: what comes before stops nothing
            await asyncio.sleep(chance.uniform(0, 0.2))
            await talk.line.post("/API/InterruptAll", session_id=talk.session)
            try:
                async with asyncio.timeout(PATIENCE):
                    await talk.until(b'{"socket_intention"')
            except TimeoutError:
                late += 1
    return late


# ---- who asks ------------------------------------------------------------------------------------------


@asynccontextmanager
async def _servers(count: int, step: float = STEP) -> AsyncIterator[Sequence[Program]]:
    async with contextlib.AsyncExitStack() as stack:
        started = []
        for _ in range(count):
            port = free_port()
            words = ("-m", "tests.comfy", "--port", str(port), "--step", str(step))
            started.append(await stack.enter_async_context(running(words, port)))
        yield started


@asynccontextmanager
async def _hub(ports: Sequence[int]) -> AsyncIterator[Program]:
    """A hub whose engines are these servers; yields when all of them are there to draw."""
    lines = ",".join(f"comfyui_api Address=http://127.0.0.1:{port}" for port in ports)
    async with hub({"HUB_ENGINES_TYPES": lines}) as ours:
        line = await Line.open(ours.port)
        session = (await line.post("/API/GetNewSession"))["session_id"]
        async with asyncio.timeout(PATIENCE):
            while True:
                told = (await line.post("/API/ListBackends", session_id=session)).values()
                if sum(engine["status"] == "running" for engine in told) == len(ports):
                    break
                await asyncio.sleep(0.05)
        line.close()
        yield ours


class _Talk:
    """One user with one generation socket."""

    def __init__(self, line: Line, session: str, socket: ClientConnection) -> None:
        self.line = line
        self.session = session
        self._socket = socket

    async def ask(self, **params: Any) -> None:
        """Send a request."""
        await self._socket.send(json.dumps({"session_id": self.session, **REQUEST, **params}))

    async def picture(self, **params: Any) -> float:
        """Seconds from a request to its picture."""
        began = time.perf_counter()
        await self.ask(**params)
        await self.until(b'{"image":')
        seconds = time.perf_counter() - began
        await self.until(b'{"socket_intention"')
        return seconds

    async def pictures(self, **params: Any) -> None:
        """Wait for all pictures of a request."""
        await self.ask(**params)
        await self.until(b'{"socket_intention"')

    async def until(self, head: bytes) -> None:
        """Read up to a frame that begins so."""
        while True:
            frame = await self._socket.recv(decode=False)
            if frame.startswith(head):
                return
            if frame.startswith(b'{"error"') and b"interrupted" not in frame:
                raise RuntimeError(frame[:300].decode())


@asynccontextmanager
async def _talking(ours: Program) -> AsyncIterator[_Talk]:
    line = await Line.open(ours.port)
    session = (await line.post("/API/GetNewSession"))["session_id"]
    address = f"ws://127.0.0.1:{ours.port}/API/GenerateText2ImageWS"
    async with connect(address, max_size=None, compression=None, proxy=None) as socket:
        yield _Talk(line, session, socket)
    line.close()


class _Direct:
    """The same conversation without a hub: one socket, flags first, the picture over the socket."""

    def __init__(self, line: Line, name: str, socket: ClientConnection) -> None:
        self._line = line
        self._name = name
        self._socket = socket

    async def picture(self, graph: dict[str, Any], extra: dict[str, Any], seed: int) -> float:
        """Seconds from a posted graph to its terminal frame, the picture at hand."""
        nodes = {name: {**body, "inputs": dict(body["inputs"])} for name, body in graph.items()}
        for body in nodes.values():
            if "seed" in body["inputs"]:
                body["inputs"]["seed"] = seed
        began = time.perf_counter()
        prompt = {"prompt": nodes, "client_id": self._name, "prompt_id": str(uuid4()), "extra_data": extra}
        await self._line.post("/prompt", **prompt)
        pictures = 0
        while True:
            frame = await self._socket.recv()
            if isinstance(frame, bytes):
                pictures += b"image/png" in frame[:400]
            elif json.loads(frame).get("data", {}).get("node", "") is None:
                break
        if not pictures:
            raise RuntimeError("no picture came over the socket")
        return time.perf_counter() - began


@asynccontextmanager
async def _direct(port: int) -> AsyncIterator[_Direct]:
    line, name = await Line.open(port), uuid4().hex
    address = f"ws://127.0.0.1:{port}/ws?clientId={name}"
    async with connect(address, max_size=None, compression=None, proxy=None) as socket:
        await socket.send(FLAGS)
        yield _Direct(line, name, socket)
    line.close()

"""The hub itself with two bench-only routes: one publishes previews on a bus, one subscribes a socket to it.

Bus, shaping, outbox and server are the hub's own. `python -m bench.peers.hub_fanout PORT`.
"""

import asyncio
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from msgspec import Struct

from hub.app import build
from hub.jobs import Bus
from hub.jobs.events import JobEvent
from hub.routes.own.frames import FRAMES
from hub.settings import load
from hub.wire import Closed, Stream, own
from hub.wire.route import routes_of
from hub.wire.server import listen, make_server

BUS = Bus()
CHANNEL = BUS.channel("0" * 32, "bench", "F" * 40, 1001)
CHANNEL.open()


class PublishIn(Struct, frozen=True):
    """`frames` previews of `size` bytes as a text frame, `pause` seconds apart."""

    frames: int
    size: int
    pause: float


@own("/bench/listen", permission=None, socket=True)
async def subscribe(stream: Stream) -> None:
    """Hear the bench's job as a watcher hears a real one."""

    def hear(event: JobEvent) -> None:
        stream.push(FRAMES.of(event), key="0")

    leave = BUS.listen_to_job(CHANNEL, hear)
    try:
        while True:
            await stream.receive()
    except Closed:
        return
    finally:
        leave()


@own("/bench/publish", permission=None)
async def publish(given: PublishIn) -> dict[str, int]:
    """Publish previews whose frames are about `size` bytes, each with bytes of its own."""
    noise = random.Random(1).randbytes(given.size * 3 // 4 - 200)
    for number in range(given.frames):
        CHANNEL.show(0, number, given.frames, number.to_bytes(4, "big") + noise)
        await asyncio.sleep(given.pause)
    return {"sockets": len(CHANNEL.listeners)}


async def main(port: int, folder: Path) -> None:
    """Serve until ended."""
    settings = load(folder, {"network.port": str(port), "engines.start_at_boot": "false"})
    routes = [route for function in (subscribe, publish) for route in routes_of(function)]
    app: Any = build(settings, routes)
    server = make_server(app, settings.network, "warning", app.board.farewell)
    async with app.lifespan():
        await server.serve(listen("127.0.0.1", port))


if __name__ == "__main__":
    import uvloop

    with tempfile.TemporaryDirectory(prefix="hub-bench-") as place:
        uvloop.run(main(int(sys.argv[1]), Path(place)))

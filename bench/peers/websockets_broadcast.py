"""The `websockets` library alone: `broadcast` to every connected socket, told how much by a control socket.

A client that connects to `/control` sends "frames size pause"; "sent" comes back once all are handed over.
"""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve

LISTENERS: set[ServerConnection] = set()


async def serve_one(socket: ServerConnection) -> None:
    """A listener stays; a control socket publishes."""
    if socket.request is not None and socket.request.path == "/control":
        async for order in socket:
            frames, size, pause = order.split()
            text = "x" * int(size)
            for _ in range(int(frames)):
                broadcast(LISTENERS, text)
                await asyncio.sleep(float(pause))
            await socket.send("sent")
        return
    LISTENERS.add(socket)
    try:
        await socket.wait_closed()
    finally:
        LISTENERS.discard(socket)


async def main(port: int) -> None:
    """Serve until ended."""
    async with serve(serve_one, "127.0.0.1", port, compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

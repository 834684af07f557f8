"""A small HTTP server of a test: answers as it is told, and remembers every request."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field


@dataclass
class Asked:
    """One request: path with query, headers by lower-case name."""

    path: str
    headers: dict[str, str]


@dataclass
class Reply:
    """One answer; `stop_after` breaks the connection after so many bytes of the body, `pause` waits in
    seconds between pieces."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    stop_after: int | None = None
    pause: float = 0.0
    length: bool = True


Handle = Callable[[Asked], Reply]
PIECE = 16 * 1024


class Serving:
    """`handle` may be replaced at any time; `asked` are the requests so far."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.asked: list[Asked] = []
        self.handle: Handle = lambda asked: Reply(404)

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests of one connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
                raw = {
                    name.lower(): value
                    for name, _, value in (line.partition(": ") for line in head[1:] if line)
                }
                asked = Asked(head[0].split(" ")[1], headers | raw)
                self.asked.append(asked)
                if not await self._answer(writer, self.handle(asked)):
                    break
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, reply: Reply) -> bool:
        headers = dict(reply.headers)
        if reply.length:
            headers.setdefault("Content-Length", str(len(reply.body)))
        else:
            headers["Connection"] = "close"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {reply.status} X\r\n{lines}\r\n".encode())
        body = reply.body if reply.stop_after is None else reply.body[: reply.stop_after]
        for start in range(0, len(body), PIECE):
            writer.write(body[start : start + PIECE])
            await writer.drain()
            if reply.pause:
                await asyncio.sleep(reply.pause)
        await writer.drain()
        return reply.stop_after is None and reply.length


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Serving]:
    """A server on a free loopback port."""
    held: list[Serving] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held[0].meet(reader, writer)

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    held.append(Serving(server.sockets[0].getsockname()[1]))
    try:
        yield held[0]
    finally:
        server.close()

"""A receiver of webhooks on a free port, for tests: what it is sent, and what it answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct


class Call(Struct, frozen=True):
    """One request: its first line, headers by lower-case name, body."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)


class Receiver:
    """Keeps what it is sent. `status` is what it answers, after `free` is set."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.status = 200
        self.location = ""
        self.free = asyncio.Event()
        self.free.set()
        self.port = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hook?a=1"

    async def until(self, holds: Callable[[list[Call]], Any], seconds: float = 15) -> None:
        """Wait until something holds for what came."""
        async with asyncio.timeout(seconds):
            while not holds(self.calls):  # noqa: ASYNC110 - it may hold already
                await asyncio.sleep(0.02)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, one request."""
        try:
            line = (await reader.readline()).decode().strip()
            headers = {}
            while header := (await reader.readline()).decode().strip():
                name, _, value = header.partition(":")
                headers[name.lower()] = value.strip()
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.calls.append(Call(line, headers, body))
            await self.free.wait()
            to = f"Location: {self.location}\r\n" if self.location else ""
            head = f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\nConnection: close\r\n{to}\r\n"
            writer.write(head.encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.free.set()
        server.close()

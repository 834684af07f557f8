"""Many websocket readers for the price of counting bytes: the handshake is real, frames are not parsed."""

import asyncio
import base64
import os
from collections.abc import Sequence

MASK = b"\0\0\0\0"


class Sink(asyncio.Protocol):
    """One reader. `received` counts the bytes after the handshake."""

    def __init__(self, port: int, path: str, first: bytes) -> None:
        self.received = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._head = b""
        self._port = port
        self._path = path
        self._first = first

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)  # what create_connection makes
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Count; the first bytes are the answer to the upgrade, after which the first frame is sent."""
        if self.ready.done():
            self.received += len(data)
            return
        self._head += data
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if not found:
            return
        if b" 101 " not in head.partition(b"\r\n")[0]:
            self.ready.set_exception(RuntimeError(head.decode("latin-1")))
            return
        self.received = len(rest)
        if self._first:
            self._transport.write(masked(self._first))
        self.ready.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell a waiter that it came to nothing."""
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("closed before the upgrade"))

    def close(self) -> None:
        """Leave without a word."""
        self._transport.abort()


def masked(text: bytes) -> bytes:
    """A short masked text frame (RFC 6455 §5.2) with the mask zero: at most 65535 bytes."""
    size = len(text)
    length = bytes((0x80 | size,)) if size < 126 else bytes((0xFE,)) + size.to_bytes(2, "big")
    return b"\x81" + length + MASK + text


async def sinks(count: int, port: int, path: str, first: bytes = b"") -> Sequence[Sink]:
    """Open `count` readers on `path`; `first` is sent once each is open."""
    loop = asyncio.get_running_loop()
    opened = []
    for _ in range(count):
        _, sink = await loop.create_connection(lambda: Sink(port, path, first), "127.0.0.1", port)
        await sink.ready
        opened.append(sink)
    return opened

"""A lean keep-alive HTTP client, so that the caller costs little beside what is measured."""

import asyncio
import json
from typing import Any


class Line:
    """One keep-alive connection that posts JSON and reads answers with a Content-Length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        self._reader = reader
        self._writer = writer
        self._host = f"127.0.0.1:{port}"

    @classmethod
    async def open(cls, port: int) -> "Line":
        """Connect to a loopback port."""
        return cls(*await asyncio.open_connection("127.0.0.1", port), port)

    def request(self, path: str, body: bytes) -> bytes:
        """The bytes of a POST, to be made once and sent often."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def send(self, request: bytes) -> bytes:
        """Send a ready request; return the answer's body. Raises RuntimeError unless it is a 200 (or 201)."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        if head[9:12] not in (b"200", b"201"):
            raise RuntimeError(f"{head[:12]!r}: {body[:200]!r}")
        return body

    async def post(self, path: str, **what: Any) -> dict[str, Any]:
        """Post one object and decode the answer."""
        answer: dict[str, Any] = json.loads(await self.send(self.request(path, json.dumps(what).encode())))
        return answer

    def close(self) -> None:
        """Let go of the connection."""
        self._writer.close()

"""What the beacon engine speaks to: a server on loopback that says only what the test tells it to say."""

import asyncio
import json
from typing import Any

import msgspec

from backends.contract import Report


class Lighthouse:
    """A listening socket; `heard` is every line that came, `connections` how many there were.

    `greeting` is what it answers to a hello: "ready", "wrong" or "" for nothing at all.
    """

    def __init__(self, greeting: str = "ready") -> None:
        self.greeting = greeting
        self.heard: list[str] = []
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._news = asyncio.Event()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def light(self) -> None:
        """Begin to answer, at the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def darken(self) -> None:
        """Answer nobody any more and drop who is connected."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.close()
        await asyncio.sleep(0)

    def say(self, *reports: Report | str) -> None:
        """Say these to everyone connected."""
        for report in reports:
            line = report.encode() if isinstance(report, str) else msgspec.json.encode(report)
            for writer in self._writers:
                writer.write(line + b"\n")

    async def until_heard(self, word: str, seconds: float = 10) -> Any:
        """The first line that has the word: as JSON when it is that."""
        async with asyncio.timeout(seconds):
            while not (found := [line for line in self.heard if word in line]):
                self._news.clear()
                await self._news.wait()
        return json.loads(found[0]) if found[0].startswith("{") else found[0]

    async def heard_submit(self, work: dict[str, Any]) -> None:
        """A work has come; whoever wants it drawn overrides this."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.connections += 1
        try:
            while line := await reader.readline():
                self.heard.append(line.decode().strip())
                self._news.set()
                if line.startswith(b"hello") and self.greeting:
                    writer.write(self.greeting.encode() + b"\n")
                if b'"submit"' in line:
                    await self.heard_submit(json.loads(line)["work"])
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

"""A network between a client and a server, that breaks as networks do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Wire:
    """Carries connections to a port of this machine. `lose_answers` is how many answers to `POST /prompt` are
    lost on their way back: the server has taken the prompt, the client hears nothing but the end.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.lose_answers = 0
        self.deaf = False
        self._sockets: set[asyncio.StreamWriter] = set()
        self._all: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut_sockets(self) -> None:
        """End every websocket, without a close frame."""
        for writer in list(self._sockets):
            writer.transport.abort()

    def silence(self) -> None:
        """Let nothing through over the websockets that are open now, and tell nobody."""
        self.deaf = True

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._all |= {writer, back}
        state = {"socket": False, "prompt": False}
        up = asyncio.create_task(self._up(reader, back, writer, state))
        down = asyncio.create_task(self._down(there, writer, state))
        self._tasks |= {up, down}
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, back):
            end.transport.abort()
        self._sockets.discard(writer)

    async def _up(
        self,
        reader: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
        state: dict[str, bool],
    ) -> None:
        while data := await reader.read(1 << 16):
            if data.startswith(b"GET /ws"):
                state["socket"] = True
                self.deaf = False
                self._sockets.add(writer)
            state["prompt"] = state["prompt"] or data.startswith(b"POST /prompt")
            back.write(data)
            await back.drain()

    async def _down(
        self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, state: dict[str, bool]
    ) -> None:
        while data := await there.read(1 << 16):
            if state["socket"] and self.deaf:
                continue
            if state["prompt"] and self.lose_answers:
                self.lose_answers -= 1
                return
            state["prompt"] = False
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def wired(target: int) -> AsyncIterator[Wire]:
    """A network to this port, gone at the end."""
    wire = Wire(target)
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        for task in wire._tasks:
            task.cancel()
        for writer in wire._all:
            writer.transport.abort()

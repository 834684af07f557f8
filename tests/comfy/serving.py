"""A server that listens: in the test's own loop, to be killed and started again on the same port."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import uuid4

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from tests.comfy.routes import MOST_BYTES, Call, answer, features, read_call
from tests.comfy.run import work
from tests.comfy.server import Server, Settings

Receive = Callable[[], Awaitable[Any]]
Give = Callable[[Any], Awaitable[None]]


class _Door(uvicorn.Server):
    """uvicorn without its hold on the process's signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Comfy:
    """A server at an address that stays the same through its restarts. `memory` is the present life's.

    `requests` are all calls it got, as (method, path), through all lives."""

    def __init__(self, settings: Settings | None = None, port: int = 0) -> None:
        self.settings = settings or Settings()
        self.memory = Server(self.settings)
        self.requests: list[tuple[str, str]] = []
        self.port = port
        self._tasks: list[asyncio.Task[None]] = []
        self._door: _Door | None = None

    @property
    def url(self) -> str:
        """The address, as a user would give it."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen, with an empty queue and history; files of an earlier life are still there."""
        self.memory = Server(self.settings, self.memory.files)
        # Said to be TCP, or asyncio leaves Nagle's algorithm on and every answer takes 40 ms.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        listening.listen(256)
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            ws=WebSocketsSansIOProtocol,
            ws_max_size=MOST_BYTES,
            ws_ping_interval=None,
            interface="asgi3",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="error",
            timeout_graceful_shutdown=1,
        )
        self._door = _Door(config)
        self._tasks = [
            asyncio.create_task(self._door.serve([listening])),
            asyncio.create_task(self.memory.sockets.deliver()),
            asyncio.create_task(work(self.memory)),
        ]
        while not self._door.started:  # noqa: ASYNC110 (uvicorn tells it by this flag only)
            await asyncio.sleep(0.001)

    async def kill(self) -> None:
        """End as a killed process does: sockets end without a close frame, nothing is kept but files."""
        door = self._door
        if door is None:
            return
        for listening in door.servers:
            listening.close()
        for connection in list(door.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        door.should_exit = door.force_exit = True
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._door = None

    def cut(self) -> None:
        """Lose every socket without a close frame, as a network does; the server itself goes on."""
        if self._door is not None:
            for connection in list(self._door.server_state.connections):
                if isinstance(connection, WebSocketsSansIOProtocol):
                    connection.transport.abort()

    async def restart(self, down_seconds: float = 0.0) -> None:
        """Kill, stay away so long, start again."""
        await self.kill()
        await asyncio.sleep(down_seconds)
        await self.start()

    async def _app(self, scope: dict[str, Any], receive: Receive, send: Give) -> None:
        if scope["type"] == "websocket":
            await self._socket(read_call(scope, b""), receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: dict[str, Any], receive: Receive, send: Give) -> None:
        body, more = bytearray(), True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        call = read_call(scope, bytes(body))
        self.requests.append((call.method, call.path))
        refused = self._turned_away(call)
        if call.path in self.settings.slow:
            await asyncio.sleep(self.settings.slow[call.path])
        status, kind, data = (refused, "", b"") if refused else await answer(self.memory, call)
        headers = [(b"content-length", str(len(data)).encode())]
        if kind:
            headers.append((b"content-type", kind.encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    def _turned_away(self, call: Call) -> int:
        """The status of a refusal that no route decides, 0 when there is none."""
        if self.settings.auth is not None:
            name, value = self.settings.auth
            if call.headers.get(name.lower()) != value:
                return 401
        origin = call.headers.get("origin")
        if origin is not None and origin.partition("://")[2] != call.headers.get("host"):
            return 403
        if call.headers.get("sec-fetch-site") == "cross-site":
            return 403
        if len(call.body) > MOST_BYTES:
            return 413
        return self.settings.broken.get(call.path, 0)

    async def _socket(self, call: Call, receive: Receive, send: Give) -> None:
        await receive()
        if call.path not in ("/ws", "/api/ws") or self._turned_away(call):
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        memory, sid = self.memory, call.query.get("clientId") or uuid4().hex

        async def give(frame: str | bytes) -> None:
            key = "text" if isinstance(frame, str) else "bytes"
            await send({"type": "websocket.send", key: frame})

        memory.sockets.join(sid, give)
        memory.join(sid)
        try:
            await self._listen(memory, sid, receive)
        finally:
            memory.sockets.leave(sid)

    async def _listen(self, memory: Server, sid: str, receive: Receive) -> None:
        """Read a client until it leaves; only its first message may carry flags, all others are swallowed."""
        first = True
        while (event := await receive())["type"] != "websocket.disconnect":
            with contextlib.suppress(ValueError, AttributeError, TypeError):
                said = json.loads(event.get("text") or "")
                if first and said["type"] == "feature_flags":
                    memory.sockets.flag(sid, said["data"])
                    memory.sockets.tell("feature_flags", features(memory), sid)
            first = False


@contextlib.asynccontextmanager
async def serving(settings: Settings | None = None) -> AsyncIterator[Comfy]:
    """A server that runs, killed at the end."""
    comfy = Comfy(settings)
    await comfy.start()
    try:
        yield comfy
    finally:
        await comfy.kill()

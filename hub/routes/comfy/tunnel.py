"""A browser's socket to a ComfyUI server, through the hub.

ComfyUI sends its frames to all sockets from one loop and waits for each reader, so a browser that stops
reading would silence everybody else's works. The server's side is therefore always read at once; what the
browser has not taken waits here, previews giving way, and a browser too far behind is let go.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import websockets

from backends.comfyui_api.way import Way
from hub.accounts import Caller
from hub.errors import HubError
from hub.routes.comfy.relay import onward, target
from hub.wire import Switchboard, ends_of, header, refuse_socket

MOST_BEHIND = 64 << 20
"""Bytes that may wait for a browser."""

_CROWDED = 4 << 20
_LARGEST_FRAME = 256 << 20
_TOO_SLOW = 1013


class _Backlog:
    """Frames on their way to the browser. While many wait, of two binary ones in a row the newer stays:
    they are previews.
    """

    def __init__(self) -> None:
        self._frames: deque[str | bytes] = deque()
        self._more = asyncio.Event()
        self.size = 0
        self.ended = False

    def put(self, frame: str | bytes) -> None:
        """Take one more."""
        last = self._frames[-1] if self._frames else ""
        if self.size > _CROWDED and isinstance(frame, bytes) and isinstance(last, bytes):
            self.size -= len(self._frames.pop())
        self._frames.append(frame)
        self.size += len(frame)
        self._more.set()

    def end(self) -> None:
        """Nothing more will come."""
        self.ended = True
        self._more.set()

    async def take(self) -> str | bytes | None:
        """The next, once there is one; None after the last."""
        while not self._frames:
            if self.ended:
                return None
            self._more.clear()
            await self._more.wait()
        frame = self._frames.popleft()
        self.size -= len(frame)
        return frame


class _Tunnel:
    """One socket in each direction. The switchboard may close it, as any conversation."""

    def __init__(self, there: websockets.ClientConnection, receive: Any, send: Any) -> None:
        self._there = there
        self._receive = receive
        self._send = send
        self._backlog = _Backlog()
        self._tasks: list[asyncio.Task[int]] = []
        self._code = 0

    def push(self, frame: bytes) -> None:
        """Our own words mean nothing to ComfyUI's page."""

    def dismiss(self, frame: bytes) -> None:
        """As `push`; what is on its way is not handed on any more, as closing it follows."""

    async def close(self, code: int = 1000) -> None:
        """Close it now: nothing of ours waits in it."""
        self.end(code)

    def end(self, code: int) -> None:
        """Close it now."""
        self._code = code
        for task in self._tasks:
            task.cancel()

    async def run(self) -> None:
        """Hand frames on until either side ends."""
        self._tasks = [asyncio.create_task(each()) for each in (self._drain, self._homewards, self._outwards)]
        _, homewards, outwards = self._tasks
        try:
            await asyncio.wait((homewards, outwards), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        left = outwards.done() and not outwards.cancelled() and not outwards.exception()
        if not left:
            await _close(self._send, self._code or 1000)

    async def _drain(self) -> int:
        try:
            async for frame in self._there:
                self._backlog.put(frame)
                if self._backlog.size > MOST_BEHIND:
                    self.end(_TOO_SLOW)
        finally:
            self._backlog.end()
        return 0

    async def _homewards(self) -> int:
        while (frame := await self._backlog.take()) is not None:
            key = "text" if isinstance(frame, str) else "bytes"
            await self._send({"type": "websocket.send", key: frame})
        return 0

    async def _outwards(self) -> int:
        while (event := await self._receive())["type"] == "websocket.receive":
            text = event.get("text")
            await self._there.send(text if text is not None else event["bytes"])
        return 0


async def tunnel(board: Switchboard, scope: Any, find: Callable[[], Way]) -> None:
    """Connect a socket with the server's until either ends, the session does, or the hub stops."""
    receive, send = ends_of(scope)
    event = await receive()
    if event["type"] != "websocket.connect":
        return
    refusal = board.gate.origin_refusal(header(scope, b"origin"), header(scope, b"host"))
    if refusal is not None:
        await refuse_socket(scope, send, 403, refusal)
        return
    try:
        there = await _connect(find(), scope)
    except HubError as refused:
        await refuse_socket(scope, send, 503, refused.text)
        return
    caller: Caller = scope["state"]["caller"]
    async with there:
        await send({"type": "websocket.accept"})
        line = _Tunnel(there, receive, send)
        board.joined(caller.session, line, caller, "comfy_direct_calls")
        try:
            await line.run()
        finally:
            board.left(caller.session, line)


async def _connect(way: Way, scope: Any) -> websockets.ClientConnection:
    address = "ws" + way.address.removeprefix("http") + target(scope["raw_path"], scope["query_string"])
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in onward((), way.headers)}
    try:
        return await websockets.connect(
            address,
            additional_headers=headers,
            max_size=_LARGEST_FRAME,
            compression=None,
            open_timeout=10,
            proxy=None,
        )
    except (OSError, TimeoutError, websockets.WebSocketException) as trouble:
        raise HubError("The ComfyUI server did not take the socket.") from trouble


async def _close(send: Any, code: int) -> None:
    try:
        async with asyncio.timeout(3):
            await send({"type": "websocket.close", "code": code})
    except (OSError, RuntimeError, TimeoutError):
        return  # the browser has gone already

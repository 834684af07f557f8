"""A socket conversation: many frames out, many requests in. It moves frames and does not know what a job is.

An idle socket is written straight from the caller of `push`: the ASGI send coroutine is driven by hand,
and only one that would block gets a task, which then empties a bounded outbox. A task for each socket
costs a third more.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import Any, Protocol

import msgspec

from hub.errors import BadInput
from hub.wire.answers import Framing, decode, encode
from hub.wire.outbox import Binary, Frame, Outbox

TRY_AGAIN_LATER = 1013
POLICY = 1008
UNREAD_FRAMES = 64
"""Frames a client may send ahead of the route that reads them."""
TOO_MANY = encode(
    Framing(
        "null input",
        "too many frames wait to be read here; wait for an answer before sending more",
        field="frame",
        limit=UNREAD_FRAMES,
    ).body()
)


class Closed(Exception):
    """The other side has left, or the socket was closed from here."""


class Link(Protocol):
    """The server's own end of a socket, where there is one (see server.py): the shortest way for a frame."""

    def write(self, frame: Frame) -> bool:
        """Write a frame at once; False when it would have to wait."""

    def write_many(self, frames: Sequence[Frame]) -> bool:
        """Write several frames at once, in one piece; False when they would have to wait."""

    def drop(self, code: int) -> None:
        """Close without waiting for what the client has not read."""


class _Rest:
    """Goes on with a coroutine that was driven by hand up to its first wait."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], waiting: Any) -> None:
        self._coroutine = coroutine
        self._waiting = waiting

    def __await__(self) -> Generator[Any, Any, None]:
        yield self._waiting
        yield from self._coroutine.__await__()


class _Text:
    """The last frame as text: one preview goes to many sockets, and is decoded once for all of them."""

    frame: Frame = b""
    text = ""

    @classmethod
    def of(cls, frame: Frame) -> str:
        if isinstance(frame, str):
            return frame
        if frame is not cls.frame:
            cls.frame, cls.text = frame, frame.decode()
        return cls.text


def _message(frame: Frame) -> dict[str, Any]:
    if isinstance(frame, Binary):
        return {"type": "websocket.send", "bytes": frame}
    return {"type": "websocket.send", "text": _Text.of(frame)}


class Stream:
    """One open socket. `push` never waits and never raises; everything undelivered is bounded."""

    def __init__(
        self, receive: Any, send: Any, *, limit: int, inbox_limit: int, link: Link | None = None
    ) -> None:
        self._receive = receive
        self._send = send
        self._link = link
        self._outbox = Outbox(limit)
        self._writer: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._inbox: deque[Frame] = deque()
        self._inbox_bytes = 0
        self._inbox_limit = inbox_limit
        self._arrived = asyncio.Event()
        self._callbacks: list[Callable[[], None]] = []
        self._dismissed = False
        self.closed = False
        """True once nothing can be delivered any more."""
        self.code: int | None = None
        """The close code, once closed."""

    @property
    def owed(self) -> int:
        """Bytes of frames that must be delivered and wait for the client to read."""
        return self._outbox.owed

    def start(self) -> None:
        """Begin to read; called once after the socket was accepted."""
        self._reader = asyncio.create_task(self._read())

    def push(self, frame: Frame, *, key: str | None = None) -> None:
        """Send encoded JSON, or a `Binary` message. `key` marks a preview: while the socket is blocked only
        the newest of a key is kept; frames without a key are delivered in order, or the socket is closed
        with 1013 when too much is owed."""
        if self.closed or self._dismissed:
            return
        if self._writer is not None:
            if not self._outbox.put(frame, key):
                self.end(TRY_AGAIN_LATER)
            return
        if self._link is not None and self._link.write(frame):
            return
        coroutine = self._send(_message(frame))
        try:
            waiting = coroutine.send(None)
        except StopIteration:
            return
        except (OSError, RuntimeError):
            # The server says the other side is gone; its disconnect event follows, this frame has no one
            # to go to.
            self._lost(None)
        else:
            self._writer = asyncio.get_running_loop().create_task(self._empty(_Rest(coroutine, waiting)))

    def push_many(self, frames: Sequence[Frame]) -> None:
        """Send frames that must all be delivered, in order, as one write where the socket is idle: each write
        of its own is a system call here and a wake-up over there."""
        if self.closed or self._dismissed:
            return
        idle = self._writer is None and self._link is not None
        if idle and self._link is not None and self._link.write_many(frames):
            return
        for frame in frames:
            self.push(frame)

    def dismiss(self, frame: Frame) -> None:
        """Send a last frame: whatever the route still says is dropped, and what the client asks is not read
        any more. Close it then."""
        self.push(frame)
        self._dismissed = True
        self._inbox.clear()
        self._inbox_bytes = 0

    async def _empty(self, rest: _Rest) -> None:
        try:
            await rest
            while (frame := self._outbox.take()) is not None:
                await self._send(_message(frame))
        except (OSError, RuntimeError):
            self._lost(None)
        finally:
            self._writer = None

    async def drain(self) -> None:
        """Wait until all pushed frames are out, or the socket is gone."""
        while self._writer is not None and not self._writer.done():
            await asyncio.wait([self._writer])

    async def receive(self) -> dict[str, Any]:
        """The next request object. Raises Closed when the client left, BadInput for a frame that is not
        one."""
        while not self._inbox:
            if self.closed:
                raise Closed
            self._arrived.clear()
            await self._arrived.wait()
        frame = self._inbox.popleft()
        self._inbox_bytes -= len(frame)
        return read_object(frame)

    async def _read(self) -> None:
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                self._lost(event.get("code"))
                return
            if event["type"] != "websocket.receive":
                continue
            if self._dismissed:
                continue
            frame: Frame = event.get("text") or event.get("bytes") or b""
            self._inbox.append(frame)
            self._inbox_bytes += len(frame)
            self._arrived.set()
            if len(self._inbox) > UNREAD_FRAMES or self._inbox_bytes > self._inbox_limit:
                self.push(TOO_MANY)
                self.end(POLICY)

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call when nothing can be delivered any more; at once when that is already so."""
        if self.closed:
            callback()
        else:
            self._callbacks.append(callback)

    async def close(self, code: int = 1000) -> None:
        """Deliver what was pushed, then close."""
        await self.drain()
        if self.closed:
            return
        self._lost(code)
        try:
            await self._send({"type": "websocket.close", "code": code})
        except (OSError, RuntimeError):
            return

    def end(self, code: int) -> None:
        """Close now without waiting: what the client has not read is lost to it, never to the history."""
        if self.closed:
            return
        self._lost(code)
        if self._link is not None:
            self._link.drop(code)
            return
        coroutine = self._send({"type": "websocket.close", "code": code})
        try:
            coroutine.send(None)
        except (StopIteration, OSError, RuntimeError):
            return
        coroutine.close()

    def stop(self) -> None:
        """Let go of the tasks; called when the conversation is over."""
        for task in (self._reader, self._writer):
            if task is not None:
                task.cancel()

    def _lost(self, code: int | None) -> None:
        if self.closed:
            return
        self.closed = True
        self.code = code
        self._outbox.clear()
        self._arrived.set()
        # A task that is cancelled before its first step never reaches its own `finally`: let go of it here.
        writer, self._writer = self._writer, None
        if writer is not None and writer is not asyncio.current_task():
            writer.cancel()
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()


def read_object(frame: Frame) -> dict[str, Any]:
    """A frame's JSON object; raises BadInput when it is none."""
    try:
        value = decode(frame)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as wrong:
        raise BadInput(
            f"The frame is not valid JSON: {wrong}", field="frame", limit="a JSON object"
        ) from wrong
    if not isinstance(value, dict):
        raise BadInput("The frame is not a JSON object.", field="frame", limit="a JSON object")
    return value

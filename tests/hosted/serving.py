"""What the fake services share: a real HTTP server on loopback, forms read from the wire, pictures."""

import asyncio
import contextlib
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from PIL import Image as Picture


@dataclass
class Asked:
    """A request as it came: header names in lower case; `form` has a form's parts, files as bytes."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    form: dict[str, bytes] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """An ordinary field of the form, None when it is missing."""
        return self.form[name].decode() if name in self.form else None


@dataclass
class Reply:
    """What is answered."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class FakeServer:
    """Answers by `answer`; keeps what it was asked. `script` holds replies that come first, in order.

    `pause` makes it wait before it answers; `broken` counts the callers who hung up meanwhile.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: list[Reply] = []
        self.pause = 0.0
        self.broken = 0
        self.busy = 0
        self.most_busy = 0
        self._moved = asyncio.Event()

    def answer(self, asked: Asked) -> Reply:
        """The reply to a request."""
        return Reply(404, b"{}")

    @property
    def drawn(self) -> list[Asked]:
        """The requests for pictures."""
        return [asked for asked in self.asked if asked.method == "POST"]

    async def until(self, found: Callable[[], bool]) -> None:
        """Wait until this is true; looked at whenever a request begins or is left."""
        async with asyncio.timeout(60):
            while not found():
                self._moved.clear()
                await self._moved.wait()

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """One request (ASGI)."""
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        asked = Asked(scope["method"], scope["path"], headers, body)
        asked.form = read_form(headers.get("content-type", ""), body)
        self.asked.append(asked)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        self._moved.set()
        try:
            if asked.method == "POST" and self.pause and not await self._patient(receive):
                self.broken += 1
                return
        finally:
            self.busy -= 1
            self._moved.set()
        reply = self.script.pop(0) if self.script and asked.method == "POST" else self.answer(asked)
        told = {"content-type": "application/json", **reply.headers, "content-length": str(len(reply.body))}
        pairs = [(name.encode(), value.encode()) for name, value in told.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
        await send({"type": "http.response.body", "body": reply.body})

    async def _patient(self, receive: Callable[[], Awaitable[dict[str, Any]]]) -> bool:
        """Wait for the pause; whether the caller did too."""
        gone = asyncio.ensure_future(receive())
        done, _ = await asyncio.wait({gone}, timeout=self.pause)
        gone.cancel()
        return not done


def read_form(kind: str, body: bytes) -> dict[str, bytes]:
    """The parts of a multipart form by name (RFC 7578)."""
    found = re.search(r'^multipart/form-data; *boundary="?([^";]+)', kind)
    if found is None:
        return {}
    form = {}
    for part in body.split(b"--" + found[1].encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        if name is not None:
            form[name[1].decode()] = content.removesuffix(b"\r\n")
    return form


def picture(size: tuple[int, int], colour: tuple[int, ...] = (200, 40, 90), kind: str = "PNG") -> bytes:
    """An encoded picture of one colour, its left half darker."""
    drawn = Picture.new("RGB" if len(colour) == 3 else "RGBA", size, colour)
    drawn.paste(tuple(level // 2 for level in colour[:3]), (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    drawn.save(out, kind)
    return out.getvalue()


def opened(data: bytes) -> Picture.Image:
    """An encoded picture, read whole."""
    with Picture.open(io.BytesIO(data)) as read:
        read.load()
        return read


@contextlib.asynccontextmanager
async def serving(fake: FakeServer) -> AsyncIterator[str]:
    """The address of a fake that listens."""
    config = uvicorn.Config(fake, host="127.0.0.1", port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            await task
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        await task

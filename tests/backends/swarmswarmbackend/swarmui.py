"""A server that speaks as SwarmUI does (swarm-api §1, §4, §9, §13.2), for what hubs of our kind never do."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from PIL import Image


def picture(kind: str = "PNG", **options: Any) -> bytes:
    """A small file."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, kind, **options)
    return out.getvalue()


def url(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


class SwarmUI:
    """What it has said is kept as `calls` (route, body). `script` are the frames that answer a generation,
    with `hang` it stays silent behind them, with `cut` it breaks the connection. Sessions named `dead` are
    not known, and with `shut` no websocket is let in.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.script: list[dict[str, Any]] = []
        self.hang = asyncio.Event()
        self.hang.set()
        self.cut = False
        self.shut = False
        self.dead: set[str] = set()
        self.server_id = "one"
        self.port = 0
        self.answers: dict[str, Any] = {
            "ListBackends": {
                "0": {"id": 0, "type": "comfyui_selfstart", "status": "running", "enabled": True}
                | {"features": ["comfyui"], "max_usages": 2, "current_model": "a.safetensors"}
            },
            "ListModels": {"folders": [], "files": [{"name": "a.safetensors"}]},
            "ListT2IParams": {"list": [{"id": "sampler", "values": ["euler"]}]},
            "InterruptAll": {"success": True},
            "SelectModel": {"success": True},
            "FreeBackendMemory": {"result": True, "count": 1},
            "GetCurrentStatus": {"status": {"waiting_gens": 1, "live_gens": 1}},
        }
        self._sessions = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def asked(self, route: str) -> list[dict[str, Any]]:
        """The bodies that a route was called with."""
        return [body for name, body in self.calls if name == route]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] == "websocket":
            await self._talk(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            found = picture() if scope["path"].startswith("/View/") else b""
            await _reply(send, 200 if found else 302, found, "image/png")
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        route, given = scope["path"].removeprefix("/API/"), json.loads(body)
        self.calls.append((route, given))
        status, answer = self._said(route, given)
        await _reply(send, status, json.dumps(answer).encode(), "application/json")

    def _said(self, route: str, given: dict[str, Any]) -> tuple[int, Any]:
        if route == "GetNewSession":
            self._sessions += 1
            return 200, {"session_id": f"S{self._sessions}", "server_id": self.server_id, "version": "0.9"}
        if given["session_id"] in self.dead:
            return 401, {"error_id": "invalid_session_id", "error": "Invalid session ID."}
        return 200, self.answers[route]

    async def _talk(self, receive: Any, send: Any) -> None:
        await receive()
        if self.shut:
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        given = json.loads((await receive())["text"])
        self.calls.append(("GenerateText2ImageWS", given))
        script = self.script
        if given["session_id"] in self.dead:
            script = [{"error_id": "invalid_session_id", "error": "Invalid session ID."}]
        for frame in script:
            await send({"type": "websocket.send", "text": json.dumps(frame)})
        await self.hang.wait()
        if self.cut:
            raise ConnectionResetError
        await send({"type": "websocket.close", "code": 1000})


async def _reply(send: Any, status: int, body: bytes, media: str) -> None:
    headers = [(b"content-type", media.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving() -> AsyncIterator[SwarmUI]:
    """Such a server on a free port."""
    swarm = SwarmUI()
    config = uvicorn.Config(swarm, port=0, log_level="critical", lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it does not tell
        await asyncio.sleep(0.01)
    swarm.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield swarm
    finally:
        swarm.hang.set()
        server.should_exit = True
        server.force_exit = True
        await task

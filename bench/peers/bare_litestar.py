"""The plainest Litestar app that answers what the hub answers: a POST with `data: dict`, a fan-out.

`POST /API/GetCurrentStatus` returns a ready status object. `POST /publish` with frames, size (bytes) and
pause (seconds) sends that many text frames to every connected socket by a plain loop of Litestar sends.
"""

import asyncio
import sys
from typing import Any

import uvicorn
from litestar import Litestar, post, websocket
from litestar.connection import WebSocket

STATUS = {
    "status": {"waiting_gens": 0, "loading_models": 0, "waiting_backends": 0, "live_gens": 0},
    "backend_status": {"status": "running", "class": "", "message": "", "any_loading": False},
    "supported_features": [],
}
SOCKETS: list[WebSocket[Any, Any, Any]] = []


@post("/API/GetCurrentStatus", status_code=200)
async def current_status(data: dict[str, Any]) -> dict[str, Any]:
    """The same object the hub answers, made of nothing."""
    return STATUS


@websocket("/listen")
async def listen(socket: WebSocket[Any, Any, Any]) -> None:
    """Hold a socket for the fan-out."""
    await socket.accept()
    SOCKETS.append(socket)
    try:
        while True:
            await socket.receive_text()
    finally:
        SOCKETS.remove(socket)


@post("/publish", status_code=200)
async def publish(data: dict[str, Any]) -> dict[str, int]:
    """Send `frames` text frames of `size` bytes to all sockets, `pause` seconds apart."""
    text = "x" * data["size"]
    for _ in range(data["frames"]):
        for socket in SOCKETS:
            await socket.send_data(text)
        await asyncio.sleep(data["pause"])
    return {"sockets": len(SOCKETS)}


if __name__ == "__main__":
    uvicorn.run(
        Litestar([current_status, listen, publish]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        access_log=False,
        log_level="warning",
    )

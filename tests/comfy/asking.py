"""A small client of a ComfyUI server for the tests of ours, and a graph to post."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import websockets

FLAGS = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}


def drawing(seed: int = 1, steps: int = 3, save: str = "SaveImage", **changed: Any) -> dict[str, Any]:
    """Text to image as recorded; `changed` are inputs of the latent node."""
    output: dict[str, Any] = {"images": ["8", 0]}
    if save == "SaveImage":
        output["filename_prefix"] = "hub"
    sampler = {"seed": seed, "steps": steps, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal"}
    wires = {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}
    return {
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "mini-sd15.safetensors"}},
        "5": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": 64, "height": 64, "batch_size": 1, **changed},
        },
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
        "3": {"class_type": "KSampler", "inputs": {**sampler, "denoise": 1.0, **wires}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": save, "inputs": output},
    }


class Asking:
    """One client: HTTP, and a socket whose frames are kept: (type, data), pictures (event, head, bytes)."""

    def __init__(self, url: str, http: httpx.AsyncClient, socket: Any, client_id: str) -> None:
        self.url = url
        self.http = http
        self.socket = socket
        self.id = client_id
        self.frames: list[tuple[Any, ...]] = []

    async def post(self, graph: Any, **more: Any) -> dict[str, Any]:
        """Post a graph; the answer's body."""
        body = {"prompt": graph, "client_id": self.id, **more}
        return (await self.http.post("/prompt", json=body)).json()  # type: ignore[no-any-return]

    async def next(self) -> tuple[Any, ...]:
        """The next frame. Raises TimeoutError after 10 s."""
        async with asyncio.timeout(60):
            return read(await self.socket.recv())

    async def until(self, kind: str, **data: Any) -> tuple[Any, ...]:
        """Read frames up to the first of this type whose data has these values."""
        while True:
            frame = await self.next()
            self.frames.append(frame)
            if frame[0] == kind and data.items() <= frame[1].items():
                return frame

    async def end(self) -> list[tuple[Any, ...]]:
        """Read to the terminal frame; everything since the last call."""
        await self.until("executing", node=None)
        frames, self.frames = self.frames, []
        return frames


def read(frame: str | bytes) -> tuple[Any, ...]:
    """A frame taken apart."""
    if isinstance(frame, str):
        told = json.loads(frame)
        return told["type"], told["data"]
    event, second = struct.unpack(">II", frame[:8])
    if event == 4:
        return "binary 4", json.loads(frame[8 : 8 + second]), frame[8 + second :]
    return f"binary {event}", {"second": second}, frame[8:]


@asynccontextmanager
async def asking(
    url: str, *, flags: bool = True, client_id: str | None = None, **more: Any
) -> AsyncIterator[Asking]:
    """A connected client; its first frames (status, flags) are read already."""
    name = client_id or uuid4().hex
    address = f"{url.replace('http', 'ws', 1)}/ws?clientId={name}"
    http = httpx.AsyncClient(base_url=url, timeout=10, trust_env=False)
    async with (
        http,
        websockets.connect(address, max_size=2**26, compression=None, proxy=None, **more) as socket,
    ):
        client = Asking(url, http, socket, name)
        await client.until("status")
        if flags:
            await socket.send(json.dumps(FLAGS))
            await client.until("feature_flags")
        client.frames = []
        yield client

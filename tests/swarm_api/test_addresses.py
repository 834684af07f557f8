"""Addresses that users name (ASVS 1.3.6): nothing of this machine or its network is called, however it is
spelled, with every host allowed that can be.

The fields are found among the declared routes; something listens on loopback all the while and must not be
called.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from hub.wire.discover import find_modules, find_routes
from hub.wire.route import Route
from tests.hub.running import RunningHub
from tests.swarm_api.sketching import SETTINGS, SMALL

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {**SETTINGS, "downloads.hosts": "*", "downloads.delivery_hosts": "*"}

ROUTES = find_routes(find_modules())
NAMED = [route for route in ROUTES if {"url", "address", "uri"} & set(route.given.__struct_fields__)]
HOSTS = (
    "127.0.0.1",
    "localhost",
    "LOCALHOST.",
    "127.1",
    "2130706433",
    "0177.0.0.1",
    "0x7f000001",
    "0x7f.0x0.0x0.0x1",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::169.254.169.254]",
    "[2002:7f00:1::1]",
    "169.254.169.254",
    "10.0.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "user@127.0.0.1",
    "huggingface.co@127.0.0.1",
    "127.0.0.1#@huggingface.co",
    "127.0.0.1\\@huggingface.co",
    "127.0.0.1%2f@huggingface.co",
    "127.0.0.1 .huggingface.co",
)
SCHEMES = ("https", "http", "ftp", "file", "gopher", "ws", "HTTPS", "data", "")


class Trap:
    """Listens on loopback and counts who comes."""

    def __init__(self) -> None:
        self.called = 0
        self.port = 0

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.called += 1
        writer.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trap() -> AsyncIterator[Trap]:
    trap = Trap()
    server = await asyncio.start_server(trap.meet, "127.0.0.1", 0)
    trap.port = server.sockets[0].getsockname()[1]
    yield trap
    server.close()


async def said(hub: RunningHub, route: Route, body: dict[str, Any]) -> Any:
    """The answer, or the last frame."""
    body = {"session_id": hub.session, **body}
    if not route.socket:
        return (await hub.post(route.path, body)).json()
    async with hub.socket(route.path) as socket:
        await socket.send(json.dumps(body))
        frames = [json.loads(frame) async for frame in socket]
    return frames[-1]


def body_of(route: Route, url: str) -> dict[str, Any]:
    more: dict[str, Any] = {"type": "LoRA", "name": "x", "metadata": "", "events": []}
    fields = set(route.given.__struct_fields__)
    named = {name: url for name in ("url", "address", "uri") if name in fields}
    return {name: value for name, value in more.items() if name in fields} | named


@pytest.mark.parametrize("route", NAMED, ids=lambda route: route.name)
async def test_nothing_of_this_network_is_called(shared_hub: RunningHub, trap: Trap, route: Route) -> None:
    for host in HOSTS:
        for scheme in SCHEMES:
            url = f"{scheme}://{host}:{trap.port}/x.safetensors" if scheme else f"//{host}:{trap.port}/x"
            answer = await said(shared_hub, route, body_of(route, url))
            if "webhook" in answer and "error" not in answer:  # a name is looked up when it is called
                hook = {"session_id": shared_hub.session, "webhook": answer["webhook"]}
                tried = (await shared_hub.post("/hub/v1/webhooks/test", hook)).json()
                assert tried["status"] == 0 and tried["error"], url
                await shared_hub.post("/hub/v1/webhooks/delete", hook)
                continue
            assert "error" in answer, (url, answer)
            assert answer.get("error_id") != "internal_error", url
    assert trap.called == 0


async def test_a_picture_is_never_fetched(shared_hub: RunningHub, trap: Trap) -> None:
    """A parameter that is a picture takes the picture itself or one's own file, no address."""
    for url in (
        f"http://127.0.0.1:{trap.port}/a.png",
        f"//127.0.0.1:{trap.port}/a.png",
        "file:///etc/passwd",
    ):
        for field in ("initimage", "maskimage", "controlnetimageinput"):
            answer = await shared_hub.call("GenerateText2Image", **{**SMALL, "prompt": "x", field: url})
            assert answer["field"] == field, url
        for name in ("AddImageToHistory", "ExtractVideoAudio"):
            answer = await shared_hub.call(name, image=url, video=url, prompt="x")
            assert answer["field"] in ("image", "video")
    assert trap.called == 0

"""Slow and silent clients: bounded, previews dropped first, results never; pings notice the dead."""

import asyncio
import json
import socket
import time
from typing import Any

import pytest
import websockets

from hub.wire import Closed, Stream, api, encode
from hub.wire.outbox import Outbox
from hub.wire.protocols import frame_header
from tests.hub.running import RunningHub

STREAMS: list[Stream] = []


@api("TestOpenWS", permission="fundamental", socket=True)
async def open_stream(stream: Stream) -> None:
    """Hand the stream to the test and stay open."""
    STREAMS.append(stream)
    try:
        while True:
            await stream.receive()
    except Closed:
        return


HUB_ROUTES = (open_stream,)
HUB_SETTINGS = {"network.outbox_mib": "2", "network.ping_seconds": "0.5"}
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def hub(shared_hub: RunningHub) -> RunningHub:
    """One hub for all these tests."""
    STREAMS.clear()
    return shared_hub


async def until(reached: Any, seconds: float = 5) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it never came to that"
        await asyncio.sleep(0.01)


async def opened(hub: RunningHub, connection: Any) -> Stream:
    """Open the conversation of a fresh connection and give its stream."""
    before = len(STREAMS)
    await connection.send(json.dumps({"session_id": hub.session}))
    await until(lambda: len(STREAMS) > before)
    return STREAMS[-1]


def small_buffers(port: int) -> socket.socket:
    """A connected socket that takes little before the sender has to wait."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    return sock


PREVIEW = "x" * 20_000


class TestSlowClient:
    async def test_only_the_newest_preview_and_every_result(self, hub: RunningHub) -> None:
        options: dict[str, Any] = {"sock": small_buffers(hub.port), "max_queue": 1, "ping_interval": None}
        async with hub.socket("/API/TestOpenWS", **options) as connection:
            stream = await opened(hub, connection)
            connection.transport.pause_reading()
            for number in range(600):
                stream.push(encode({"preview": number, "fill": PREVIEW}), key="image0")
                if number % 100 == 99:
                    stream.push(encode({"result": number}))
            assert stream.owed > 0
            connection.transport.resume_reading()
            got: list[dict[str, Any]] = []
            while {"result": 599} not in got:
                got.append(json.loads(await asyncio.wait_for(connection.recv(), 60)))
            previews = [frame["preview"] for frame in got if "preview" in frame]
            results = [frame["result"] for frame in got if "result" in frame]
            assert results == [99, 199, 299, 399, 499, 599]
            assert previews == sorted(previews)
            assert previews[-1] == 599
            assert len(previews) < 400
            await stream.drain()
            stream.push(encode({"after": 1}))
            assert json.loads(await connection.recv()) == {"after": 1}

    async def test_too_much_owed_closes_the_socket_and_frees_the_memory(self, hub: RunningHub) -> None:
        options: dict[str, Any] = {"sock": small_buffers(hub.port), "max_queue": 1, "ping_interval": None}
        async with hub.socket("/API/TestOpenWS", **options) as connection:
            stream = await opened(hub, connection)
            connection.transport.pause_reading()
            told: list[bool] = []
            stream.on_close(lambda: told.append(True))
            for number in range(400):
                stream.push(encode({"result": number, "fill": PREVIEW}))
            assert stream.closed
            assert stream.code == 1013
            assert stream.owed == 0
            assert told == [True]
            stream.push(b"{}")
            connection.transport.resume_reading()
            with pytest.raises(websockets.ConnectionClosed):
                while True:
                    await asyncio.wait_for(connection.recv(), 60)

    async def test_others_do_not_wait_for_it(self, hub: RunningHub) -> None:
        async with (
            hub.socket("/API/TestOpenWS", sock=small_buffers(hub.port), max_queue=1) as slow,
            hub.socket("/API/TestOpenWS") as quick,
        ):
            streams = [await opened(hub, slow), await opened(hub, quick)]
            slow.transport.pause_reading()
            for number in range(200):
                frame = encode({"preview": number, "fill": PREVIEW})
                for stream in streams:
                    stream.push(frame, key="image0")
                assert json.loads(await asyncio.wait_for(quick.recv(), 60))["preview"] == number
            slow.transport.resume_reading()


class TestSilentClient:
    async def test_no_pong_no_socket(self, hub: RunningHub) -> None:
        async with hub.socket("/API/TestOpenWS", ping_interval=None) as connection:
            stream = await opened(hub, connection)
            connection.transport.pause_reading()
            await until(lambda: stream.closed)
            assert hub.app.board.open_sockets == 0 or stream.closed
            connection.transport.abort()

    async def test_an_answering_one_stays(self, hub: RunningHub) -> None:
        async with hub.socket("/API/TestOpenWS") as connection:
            stream = await opened(hub, connection)
            await asyncio.sleep(1.3)
            assert not stream.closed
            stream.push("{}")
            assert await connection.recv() == "{}"


class TestFrames:
    async def test_every_size_arrives_as_text(self, hub: RunningHub) -> None:
        async with hub.socket("/API/TestOpenWS") as connection:
            stream = await opened(hub, connection)
            for size in (0, 1, 125, 126, 127, 65535, 65536, 300_000):
                text = "ü" * (size // 2) + "a" * (size % 2)
                stream.push(text)
                assert await connection.recv() == text
                stream.push(text.encode())
                assert await connection.recv() == text

    async def test_many_at_once_stay_in_order(self, hub: RunningHub) -> None:
        options: dict[str, Any] = {"sock": small_buffers(hub.port), "max_queue": 1, "ping_interval": None}
        async with hub.socket("/API/TestOpenWS", **options) as connection:
            stream = await opened(hub, connection)
            stream.push_many([b"1", "2", b"3"])
            assert [await connection.recv() for _ in range(3)] == ["1", "2", "3"]
            connection.transport.pause_reading()
            fill = encode({"fill": PREVIEW})
            while not stream.owed:
                stream.push(fill)
            stream.push_many([b"4", b"5"])
            stream.push(b"6")
            connection.transport.resume_reading()
            got = [str(await asyncio.wait_for(connection.recv(), 60)) for _ in range(1)]
            while got[-1] != "6":
                got.append(str(await asyncio.wait_for(connection.recv(), 60)))
            assert [text for text in got if len(text) == 1] == ["4", "5", "6"]

    async def test_headers(self) -> None:
        assert frame_header(5) == b"\x81\x05"
        assert frame_header(126) == b"\x81\x7e\x00\x7e"
        assert frame_header(65536) == b"\x81\x7f" + (65536).to_bytes(8, "big")

    async def test_sockets_are_forgotten_when_they_end(self, hub: RunningHub) -> None:
        async with hub.socket("/API/TestOpenWS") as connection:
            await opened(hub, connection)
            assert hub.app.board.open_sockets >= 1
        await until(lambda: hub.app.board.open_sockets == 0)


class TestOutbox:
    async def test_a_newer_preview_takes_the_place_at_the_end(self) -> None:
        box = Outbox(100)
        box.put(b"p1", "a")
        box.put(b"q1", "b")
        box.put(b"result", None)
        box.put(b"p2", "a")
        assert [box.take() for _ in range(4)] == [b"q1", b"result", b"p2", None]
        assert (box.dropped, box.owed, len(box)) == (1, 0, 0)

    async def test_the_limit_counts_results_only(self) -> None:
        box = Outbox(10)
        assert all(box.put(b"x" * 100, f"key{number}") for number in range(5))
        assert box.put(b"x" * 10, None)
        assert not box.put(b"x", None)

"""A websocket call from its first frame to its close, over real sockets (swarm-api §1.1, §1.3)."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
import websockets
from msgspec import Struct

from hub.accounts import Accounts, Caller
from hub.errors import BadInput, HubError
from hub.wire import Body, Closed, Stream, api, encode, own
from tests.hub.running import RunningHub

FLAG = "basic_image_generation"


class CountIn(Struct):
    images: int
    rest: Body


@api("TestCountWS", permission=FLAG, socket=True)
async def count(caller: Caller, given: CountIn, stream: Stream) -> dict[str, Any]:
    """Count to the number of images."""
    for number in range(given.images):
        stream.push(encode({"number": number}))
    return {"user": caller.user, "session": caller.session}


@api("TestBreaksWS", permission=FLAG, socket=True)
async def breaks(stream: Stream) -> None:
    """Send one frame, then break."""
    stream.push(encode({"number": 0}))
    raise ZeroDivisionError("secret")


@api("TestRefusesWS", permission=FLAG, socket=True)
async def refuses(stream: Stream) -> None:
    """Refuse."""
    raise HubError("Not today.", field="day")


@api("TestEchoWS", permission=FLAG, socket=True)
async def echo(stream: Stream) -> None:
    """Give every further frame back; an unreadable one is answered, too."""
    try:
        while True:
            try:
                stream.push(encode(await stream.receive()))
            except BadInput as wrong:
                stream.push(encode(wrong.body()))
    except Closed:
        GONE.set()
        raise


GONE = asyncio.Event()


@api("TestGuardedWS", permission="manage_users", socket=True)
async def guarded(stream: Stream) -> dict[str, Any]:
    """Only for those who manage users."""
    return {"success": True}


@api("TestPlain", permission=FLAG)
async def plain() -> dict[str, Any]:
    """A plain route."""
    return {"success": True}


@own("/test/talk", permission=FLAG, socket=True)
async def talk(caller: Caller, stream: Stream) -> dict[str, Any]:
    """One of our own sockets."""
    return {"user": caller.user}


@api("TestSleepyWS", permission=FLAG, socket=True)
async def sleepy(stream: Stream) -> None:
    """Never read anything."""
    gone = asyncio.Event()
    stream.on_close(gone.set)
    await gone.wait()


HUB_ROUTES = (count, breaks, refuses, echo, guarded, plain, talk, sleepy)
HUB_SETTINGS = {"network.first_frame_seconds": "0.5", "network.max_request_mib": "24"}
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def hub(shared_hub: RunningHub) -> RunningHub:
    """One hub for all these tests."""
    GONE.clear()
    return shared_hub


async def everything(hub: RunningHub, path: str, *frames: str | bytes) -> tuple[list[Any], int | None]:
    """All frames the server sends after ours, and the close code."""
    async with hub.socket(path) as connection:
        for frame in frames:
            await connection.send(frame)
        got = [json.loads(frame) async for frame in connection]
        return got, connection.close_code


class TestFirstFrame:
    async def test_frames_result_and_normal_close(self, hub: RunningHub) -> None:
        frame = json.dumps({"session_id": hub.session, "images": "2"})
        got, code = await everything(hub, "/API/TestCountWS", frame)
        assert got == [{"number": 0}, {"number": 1}, {"user": "local", "session": hub.session}]
        assert code == 1000

    async def test_letter_case(self, hub: RunningHub) -> None:
        frame = json.dumps({"session_id": hub.session, "images": 0})
        got, _ = await everything(hub, "/api/testcountws", frame)
        assert got[0]["user"] == "local"

    async def test_none_comes(self, hub: RunningHub) -> None:
        got, code = await everything(hub, "/API/TestCountWS")
        assert (got[0]["error_id"], code) == ("basic_api", 1000)
        assert "0.5 s" in got[0]["error"]

    @pytest.mark.parametrize("frame", ["{", "[]", "null", '{"a":NaN}', "[" * 50_000, b"\xff\xfe", ""])
    async def test_malformed(self, hub: RunningHub, frame: str | bytes) -> None:
        got, code = await everything(hub, "/API/TestCountWS", frame)
        assert (got[0]["error_id"], code) == ("basic_api", 1000)

    async def test_session_header(self, hub: RunningHub) -> None:
        async with hub.socket(
            "/API/TestCountWS", additional_headers={"X-Session-ID": hub.session}
        ) as connection:
            await connection.send('{"images":0}')
            assert json.loads(await connection.recv())["user"] == "local"

    async def test_missing_session(self, hub: RunningHub) -> None:
        got, code = await everything(hub, "/API/TestCountWS", '{"images":1}')
        assert (got[0]["error"], code) == ("missing session id", 1000)

    async def test_dead_session(self, hub: RunningHub) -> None:
        got, code = await everything(hub, "/API/TestCountWS", '{"images":1,"session_id":"X"}')
        assert got == [
            {
                "error": "Invalid session ID. You may need to refresh the page.",
                "error_id": "invalid_session_id",
            }
        ]
        assert code == 1000

    async def test_unknown_route(self, hub: RunningHub) -> None:
        got, code = await everything(hub, "/API/NoSuchWS", json.dumps({"session_id": hub.session}))
        assert got == [{"error": "Unknown API route.", "error_id": "bad_route"}]
        assert code == 1000

    async def test_plain_route_over_a_socket(self, hub: RunningHub) -> None:
        got, code = await everything(hub, "/API/TestPlain", json.dumps({"session_id": hub.session}))
        assert got == [
            {"error": "API route needs HTTP, request is websocket", "error_id": "bad_request_method"}
        ]
        assert code == 1000

    async def test_forbidden(self, hub: RunningHub) -> None:
        frame = json.dumps({"session_id": await hub.session_as("user")})
        got, code = await everything(hub, "/API/TestGuardedWS", frame)
        assert (got[0]["error_id"], got[0]["permission"]) == ("bad_permissions", "manage_users")
        assert code == 1000

    async def test_bad_field_of_20_mb_is_refused_for_its_field(self, hub: RunningHub) -> None:
        frame = json.dumps({"session_id": hub.session, "images": "9" * 20_000_000})
        got, code = await everything(hub, "/API/TestCountWS", frame)
        assert (got[0]["field"], code) == ("images", 1000)
        assert len(json.dumps(got)) < 1000

    async def test_frame_over_the_limit_is_refused_in_words_and_closes_1009(self, hub: RunningHub) -> None:
        async with hub.socket("/API/TestCountWS") as connection:
            with suppress(websockets.ConnectionClosed):
                await connection.send("x" * (25 * 2**20))
            told = json.loads(await connection.recv())
            assert (told["error_id"], told["field"], told["limit"]) == ("basic_api", "frame", 24 * 2**20)
            assert "network.max_request_mib" in told["error"]
            with pytest.raises(websockets.ConnectionClosed):
                await connection.recv()
            assert connection.close_code == 1009
        assert (await hub.http.get("/hub/v1/health")).status_code == 200

    async def test_whoever_sends_much_too_much_is_told_too(self, hub: RunningHub) -> None:
        """Bytes still on their way in when the line is cut would reset it, and the word would be lost."""
        for _ in range(5):
            async with hub.socket("/API/TestCountWS") as connection:
                head = b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"mask"
                connection.transport.write(head + bytes(3 << 20))
                assert json.loads(await connection.recv())["field"] == "frame"
                with pytest.raises(websockets.ConnectionClosed):
                    await connection.recv()
                assert connection.close_code == 1009

    @pytest.mark.parametrize("frame", [b"\xff\xfe", b'{"session_id":"\xed\xa0\x80"}'])
    async def test_text_that_is_not_utf8_is_refused_in_words_and_closes_1007(
        self, hub: RunningHub, frame: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with hub.socket("/API/TestCountWS") as connection:
            await connection.send(frame, text=True)
            told = json.loads(await connection.recv())
            assert (told["error_id"], told["field"]) == ("basic_api", "frame") and "UTF-8" in told["error"]
            with pytest.raises(websockets.ConnectionClosed):
                await connection.recv()
            assert connection.close_code == 1007
        assert not caplog.records, "whoever sends nonsense could fill the log"

    async def test_a_frame_against_the_protocol_is_refused_in_words_and_closes_1002(
        self, hub: RunningHub
    ) -> None:
        async with hub.socket("/API/TestCountWS") as connection:
            connection.transport.write(b"\x81\x02{}")  # without the mask that a client's frames must have
            told = json.loads(await connection.recv())
            assert (told["error_id"], told["field"]) == ("basic_api", "frame")
            with pytest.raises(websockets.ConnectionClosed):
                await connection.recv()
            assert connection.close_code == 1002

    async def test_own_socket(self, hub: RunningHub) -> None:
        got, code = await everything(hub, "/hub/v1/test/talk", json.dumps({"session_id": hub.session}))
        assert (got, code) == ([{"user": "local"}], 1000)


class TestErrors:
    async def test_uncaught_exception_is_a_frame_before_the_close(self, hub: RunningHub) -> None:
        got, code = await everything(hub, "/API/TestBreaksWS", json.dumps({"session_id": hub.session}))
        assert got[0] == {"number": 0}
        assert (got[1]["error_id"], code) == ("internal_error", 1000)
        assert "secret" not in str(got)

    async def test_refusal(self, hub: RunningHub) -> None:
        got, code = await everything(hub, "/API/TestRefusesWS", json.dumps({"session_id": hub.session}))
        assert (got, code) == ([{"error": "Not today.", "field": "day"}], 1000)


class TestConversation:
    async def test_many_requests_on_one_socket(self, hub: RunningHub) -> None:
        async with hub.socket("/API/TestEchoWS") as connection:
            await connection.send(json.dumps({"session_id": hub.session}))
            for number in range(20):
                await connection.send(json.dumps({"n": number}))
            got = [json.loads(await connection.recv())["n"] for _ in range(20)]
            assert got == list(range(20))
            await connection.send("nonsense")
            assert json.loads(await connection.recv())["field"] == "frame"
            await connection.send('{"n":1}')
            assert json.loads(await connection.recv()) == {"n": 1}
        await asyncio.wait_for(GONE.wait(), 60)

    async def test_the_route_learns_of_a_cut_line(self, hub: RunningHub) -> None:
        async with hub.socket("/API/TestEchoWS") as connection:
            await connection.send(json.dumps({"session_id": hub.session}))
            await connection.send('{"n":1}')
            await connection.recv()
            connection.transport.abort()
            await asyncio.wait_for(GONE.wait(), 60)

    async def test_unread_frames_are_bounded_and_it_is_told(self, hub: RunningHub) -> None:
        async with hub.socket("/API/TestSleepyWS") as connection:
            with suppress(websockets.ConnectionClosed):
                await connection.send(json.dumps({"session_id": hub.session}))
                for number in range(300):
                    await connection.send(json.dumps({"n": number}))
            told = json.loads(await connection.recv())
            assert (told["error_id"], told["limit"]) == ("basic_api", 64)
            with pytest.raises(websockets.ConnectionClosed):
                await connection.recv()
            assert connection.close_code == 1008


class TestSessionsEnd:
    async def test_sockets_of_an_ended_session_are_told_and_closed(self, hub: RunningHub) -> None:
        session = await hub.session_as("user")
        async with hub.socket("/API/TestEchoWS") as doomed, hub.socket("/API/TestEchoWS") as other:
            for connection, whose in ((doomed, session), (other, hub.session)):
                await connection.send(json.dumps({"session_id": whose}))
                await connection.send('{"n":1}')
                await connection.recv()
            assert await hub.room(Accounts).sessions.end(session)
            assert json.loads(await doomed.recv())["error_id"] == "invalid_session_id"
            with pytest.raises(websockets.ConnectionClosed):
                await doomed.recv()
            assert doomed.close_code == 1000
            await other.send('{"n":2}')
            assert json.loads(await other.recv()) == {"n": 2}
        answer = await hub.post("/API/TestPlain", {"session_id": session})
        assert answer.status_code == 401


class TestDoor:
    @pytest.mark.parametrize(
        "origin",
        ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost:{port}x", "file://"],
    )
    async def test_foreign_pages_are_refused(self, hub: RunningHub, origin: str) -> None:
        with pytest.raises(websockets.InvalidStatus) as refusal:
            async with hub.socket("/API/TestEchoWS", origin=origin.format(port=hub.port)):
                pass
        assert refusal.value.response.status_code == 403
        assert b"network.allow_origins" in refusal.value.response.body

    async def test_our_own_page_may(self, hub: RunningHub) -> None:
        async with hub.socket("/API/TestCountWS", origin=hub.url) as connection:
            await connection.send(json.dumps({"session_id": hub.session, "images": 0}))
            assert json.loads(await connection.recv())["user"] == "local"

    async def test_hostile_host_names_are_refused(self, hub: RunningHub) -> None:
        name = f"evil.example:{hub.port}"
        with pytest.raises(websockets.InvalidStatus) as refusal:
            async with hub.socket(
                "/API/TestEchoWS", additional_headers={"Host": name}, origin=f"http://{name}"
            ):
                pass
        assert refusal.value.response.status_code in (400, 421)

    async def test_unknown_socket_path(self, hub: RunningHub) -> None:
        with pytest.raises(websockets.InvalidStatus):
            async with hub.socket("/nowhere"):
                pass

"""What is too large is refused with the limit's name, and the hub goes on."""

import asyncio
import contextlib

import pytest

from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {
    "network.max_request_mib": "1",
    "network.max_headers": "50",
    "network.max_header_kib": "8",
    "network.patience_seconds": "0.4",
}


@pytest.fixture
def hub(shared_hub: RunningHub) -> RunningHub:
    """One hub with small limits."""
    return shared_hub


class TestBodies:
    async def test_body_over_the_limit_names_it(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/GetCurrentStatus", {"session_id": hub.session, "text": "x" * 2**20})
        assert answer.status_code == 413
        assert answer.json()["error_id"] == "basic_api"
        assert answer.json()["limit"] == 2**20
        assert "network.max_request_mib" in answer.json()["error"]
        assert "status" in await hub.call("GetCurrentStatus")


class TestHeaderLimits:
    async def test_too_many(self, hub: RunningHub) -> None:
        headers = {f"x-h{number}": "1" for number in range(60)}
        answer = await hub.http.get("/hub/v1/health", headers=headers)
        assert answer.status_code == 431
        assert "network.max_headers" in answer.text

    async def test_too_large(self, hub: RunningHub) -> None:
        answer = await hub.http.get("/hub/v1/health", headers={"x-big": "1" * 9000})
        assert answer.status_code == 431

    async def test_kept_alive_connections_count_anew(self, hub: RunningHub) -> None:
        for _ in range(3):
            answer = await hub.http.get("/hub/v1/health", headers={f"x-h{n}": "1" for n in range(30)})
            assert answer.status_code == 200

    async def test_a_very_long_address(self, hub: RunningHub) -> None:
        answer = await hub.http.get("/" + "a" * 20_000)
        assert answer.status_code == 431


class TestPatience:
    HEAD = b"POST /API/GetNewSession HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    @pytest.mark.parametrize("sent", [b"", b"POST /API", HEAD, HEAD + b"Content-Length: 9\r\n\r\n{"])
    async def test_half_a_request_is_not_waited_for_for_ever(self, hub: RunningHub, sent: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        writer.write(sent)
        answer = await asyncio.wait_for(reader.read(), 60)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"network.patience_seconds" in answer
        writer.close()

    async def test_trickled_headers_get_no_more_time(self, hub: RunningHub) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        with contextlib.suppress(ConnectionError):
            for letter in self.HEAD * 20:
                writer.write(bytes([letter]))
                await writer.drain()
                await asyncio.sleep(0.05)
                if reader.at_eof():
                    break
            else:
                pytest.fail("every letter was waited for")
        writer.close()

    async def test_a_body_in_parts_is_taken(self, hub: RunningHub) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        writer.write(self.HEAD + b"Content-Length: 8\r\n\r\n")
        for part in (b'{"a', b'":', b"1}", b" "):
            await asyncio.sleep(0.25)
            writer.write(part)
        assert b"session_id" in await asyncio.wait_for(reader.read(3000), 60)
        writer.close()

    async def test_kept_alive_connections_and_sockets_may_be_quiet(self, hub: RunningHub) -> None:
        await hub.http.get("/hub/v1/health")
        await asyncio.sleep(0.7)
        assert (await hub.http.get("/hub/v1/health")).status_code == 200
        async with hub.socket("/hub/v1/jobs/watch") as connection:
            await asyncio.sleep(0.7)
            await connection.send("{}")
            assert "missing session id" in str(await connection.recv())

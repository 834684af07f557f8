"""What is too large is refused with the limit's name, and the hub goes on."""

import pytest

from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {"network.max_request_mib": "1", "network.max_headers": "50", "network.max_header_kib": "8"}


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

"""What every answer carries: the browser's safeguards whoever made it, CORS only as set, HSTS when asked."""

import asyncio

import pytest

from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")
FRIEND = "https://friend.example"
HUB_SETTINGS = {"network.allow_origins": FRIEND, "network.hsts_seconds": "600"}


@pytest.fixture
def hub(shared_hub: RunningHub) -> RunningHub:
    """One hub with a friend."""
    return shared_hub


class TestSafeguards:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/"),
            ("GET", "/Error/404"),
            ("GET", "/nowhere"),
            ("GET", "/API/Login"),
            ("GET", "/hub/v1/health"),
            ("HEAD", "/hub/v1/health"),
            ("GET", "/hub/v1/jobs"),
            ("GET", "/hub/v1/metrics"),
            ("GET", "/schema/openapi.json"),
            ("GET", "/imgs/model_placeholder.jpg"),
            ("GET", "/View/local/none.png"),
            ("GET", "/View/somebody/none.png"),
            ("GET", "/ComfyBackendDirect/"),
            ("POST", "/"),
            ("PUT", "/hub/v1/health"),
            ("OPTIONS", "/API/Login"),
            ("POST", "/API/GetNewSession"),
            ("POST", "/API/NoSuchRoute"),
        ],
    )
    async def test_an_answer(self, hub: RunningHub, method: str, path: str) -> None:
        answer = await hub.http.request(method, path, json={"a": 1} if method == "POST" else None)
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'self'" in policy or "frame-ancestors 'none'" in policy
        if "text/html" in headers.get("content-type", ""):
            assert "script-src 'self'" in policy
            assert headers["cross-origin-opener-policy"] == "same-origin"
        elif headers.get("content-type", "").startswith("application/json"):
            assert policy == "default-src 'none'; frame-ancestors 'none'"
        for name in ("x-content-type-options", "content-security-policy", "x-frame-options"):
            assert len(headers.get_list(name)) == 1
        assert "server" not in headers

    async def test_another_host_name(self, hub: RunningHub) -> None:
        answer = await hub.http.get("/", headers={"host": "evil.example"})
        assert (answer.status_code, answer.headers["x-content-type-options"]) == (421, "nosniff")

    async def test_what_is_no_http(self, hub: RunningHub) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        assert b"x-content-type-options: nosniff" in await asyncio.wait_for(reader.read(), 60)
        writer.close()

    async def test_no_hsts_over_http(self, hub: RunningHub) -> None:
        assert "strict-transport-security" not in (await hub.http.get("/")).headers


class TestCors:
    async def test_a_friend_may_ask_and_read(self, hub: RunningHub) -> None:
        asks = {"origin": FRIEND, "access-control-request-method": "POST"}
        answer = await hub.http.options("/API/GetNewSession", headers=asks)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == FRIEND
        assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST"
        assert "x-session-id" in answer.headers["access-control-allow-headers"]
        answer = await hub.post("/API/GetNewSession", {"a": 1}, origin=FRIEND)
        assert answer.headers["access-control-allow-origin"] == FRIEND
        refused = await hub.post("/API/GetMyUserData", {"session_id": "0" * 40}, origin=FRIEND)
        assert refused.headers["access-control-allow-origin"] == FRIEND

    async def test_no_page_ever_gets_our_cookies(self, hub: RunningHub) -> None:
        for answer in (
            await hub.http.options("/API/GetNewSession", headers={"origin": FRIEND}),
            await hub.post("/API/GetNewSession", {"a": 1}, origin=FRIEND),
        ):
            assert "access-control-allow-credentials" not in answer.headers

    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "https://friend.example.evil",
            "http://friend.example",
            "https://friend.example:8443",
            "https://sub.friend.example",
            "null",
            "https://friend.example/",
        ],
    )
    async def test_a_stranger_may_not(self, hub: RunningHub, origin: str) -> None:
        answer = await hub.http.options("/API/GetNewSession", headers={"origin": origin})
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        answer = await hub.http.get("/hub/v1/health", headers={"origin": origin})
        assert not [name for name in answer.headers if name.startswith("access-control-")]

    async def test_our_own_page_needs_none(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/GetNewSession", {"a": 1}, origin=hub.url)
        assert "access-control-allow-origin" not in answer.headers

    async def test_caches_keep_origins_apart(self, hub: RunningHub) -> None:
        answer = await hub.http.get("/imgs/model_placeholder.jpg")
        assert "Origin" in answer.headers["vary"]

    async def test_a_friend_on_our_network_may_come_in(self, hub: RunningHub) -> None:
        asks = {"origin": FRIEND, "access-control-request-private-network": "true"}
        answer = await hub.http.options("/API/GetNewSession", headers=asks)
        assert answer.headers["access-control-allow-private-network"] == "true"


class TestSites:
    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    async def test_a_page_that_hides_its_origin(self, hub: RunningHub, site: str) -> None:
        answer = await hub.post("/API/GetNewSession", {"a": 1}, cookie="a=b", **{"sec-fetch-site": site})
        assert (answer.status_code, answer.json()["error_id"]) == (403, "bad_origin")

    @pytest.mark.parametrize("site", ["same-origin", "none"])
    async def test_our_own(self, hub: RunningHub, site: str) -> None:
        answer = await hub.post("/API/GetNewSession", {"a": 1}, cookie="a=b", **{"sec-fetch-site": site})
        assert "session_id" in answer.json()

    async def test_a_friend(self, hub: RunningHub) -> None:
        headers = {"sec-fetch-site": "cross-site", "origin": FRIEND, "cookie": "a=b"}
        assert "session_id" in (await hub.post("/API/GetNewSession", {"a": 1}, **headers)).json()

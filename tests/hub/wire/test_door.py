"""Who may knock: host names, origins of pages with our cookies, CORS, and what pages are sent with."""

import json

import pytest

from hub.settings import Network
from hub.wire.door import Gatekeeper, host_name, is_loopback
from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {
    "network.hosts": "hub.example",
    "network.allow_origins": "https://friend.example",
    "network.external_url": "https://outside.example/hub",
}


@pytest.fixture
def hub(shared_hub: RunningHub) -> RunningHub:
    """One hub with a name and a friend."""
    return shared_hub


class TestHosts:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "localhost",
            "LOCALHOST:7801",
            "[::1]:7801",
            "192.168.1.5:80",
            "hub.example",
            "Outside.example",
        ],
    )
    async def test_ours(self, hub: RunningHub, host: str) -> None:
        assert (await hub.http.get("/hub/v1/health", headers={"host": host})).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "evil.example:7801",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example",
            "evil.example#127.0.0.1",
            "hub.example.evil",
            "",
            "a" * 5000,
        ],
    )
    async def test_strange(self, hub: RunningHub, host: str) -> None:
        answer = await hub.http.get("/hub/v1/health", headers={"host": host})
        assert answer.status_code in (400, 421)
        assert "status" not in answer.text or "network.hosts" in answer.text

    async def test_the_refusal_names_the_setting(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/GetNewSession", {"a": 1}, host="rebound.example")
        assert answer.status_code == 421
        assert "network.hosts" in answer.text

    async def test_names(self) -> None:
        assert host_name("[::1]:80") == "::1"
        assert host_name("A.B:1") == "a.b"
        assert host_name("a/b") == ""
        assert host_name("[::1") == ""

    async def test_loopback(self) -> None:
        assert all(
            is_loopback(name) for name in ("127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1")
        )
        assert not any(is_loopback(name) for name in ("0.0.0.0", "::", "10.0.0.1", "example.org", ""))


class TestOrigins:
    COOKIE = "swarm_token=x"

    async def test_foreign_page_with_our_cookie(self, hub: RunningHub) -> None:
        headers = {"origin": "http://127.0.0.1:1", "cookie": self.COOKIE}
        answer = await hub.post("/API/GetNewSession", {"a": 1}, **headers)
        assert (answer.status_code, answer.json()["error_id"]) == (403, "bad_origin")

    async def test_our_page_with_our_cookie(self, hub: RunningHub) -> None:
        headers = {"origin": hub.url, "cookie": self.COOKIE}
        assert "session_id" in (await hub.post("/API/GetNewSession", {"a": 1}, **headers)).json()

    async def test_a_page_without_cookie_still_needs_a_json_type(self, hub: RunningHub) -> None:
        answer = await hub.http.post(
            "/API/GetNewSession",
            content=b"{}",
            headers={"origin": "http://evil.example", "content-type": "text/plain"},
        )
        assert answer.json()["error"] == "Wrong content type"

    async def test_no_origin_is_no_browser(self, hub: RunningHub) -> None:
        assert "session_id" in (await hub.post("/API/GetNewSession", {"a": 1}, cookie=self.COOKIE)).json()

    async def test_allowed_origin(self, hub: RunningHub) -> None:
        headers = {"origin": "https://friend.example", "cookie": self.COOKIE}
        answer = await hub.post("/API/GetNewSession", {"a": 1}, **headers)
        assert answer.headers["access-control-allow-origin"] == "https://friend.example"
        async with hub.socket("/API/GenerateText2ImageWS", origin="https://friend.example") as connection:
            await connection.send("{}")
            assert json.loads(await connection.recv())["error"] == "missing session id"

    async def test_preflight(self, hub: RunningHub) -> None:
        answer = await hub.http.options("/API/GetNewSession", headers={"origin": "https://friend.example"})
        assert answer.status_code == 204
        assert answer.headers["access-control-max-age"] == "3600"
        stranger = await hub.http.options("/API/GetNewSession", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers

    async def test_default_ports_may_be_left_out(self) -> None:
        gate = Gatekeeper(Network())
        assert gate.origin_refusal(b"https://a.example", b"a.example:443") is None
        assert gate.origin_refusal(b"http://a.example:80", b"a.example") is None
        assert gate.origin_refusal(b"http://a.example:81", b"a.example") is not None
        assert gate.origin_refusal(b"null", b"a.example") is not None


class TestPages:
    async def test_page_headers(self, hub: RunningHub) -> None:
        headers = (await hub.http.get("/Error/404")).headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"

    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("404", 404),
            ("BasicAPI", 400),
            ("Internal", 500),
            ("nogetapi", 405),
            ("Permissions", 403),
            ("odd", 404),
        ],
    )
    async def test_error_pages(self, hub: RunningHub, name: str, status: int) -> None:
        answer = await hub.http.get(f"/Error/{name}")
        assert answer.status_code == status
        assert answer.text.startswith("<!doctype html>")

    @pytest.mark.parametrize(
        "path",
        [
            "/nothing",
            "/a/b/c",
            "/assets/none.js",
            "/API2/x",
            "/apix",
            "/hub/v1x/health",
            "/%2e%2e/etc/passwd",
        ],
    )
    async def test_unknown_paths(self, hub: RunningHub, path: str) -> None:
        answer = await hub.http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (302, "/Error/404")

    @pytest.mark.parametrize(
        "path",
        [
            "/assets/../../settings.py",
            "/assets/%2e%2e/%2e%2e/settings.py",
            "/assets/..%2f..%2fsettings.py",
            "/assets/%00",
        ],
    )
    async def test_nothing_outside_the_page(self, hub: RunningHub, path: str) -> None:
        answer = await hub.http.get(path)
        assert answer.status_code in (302, 404)
        assert "import" not in answer.text

    async def test_text2image(self, hub: RunningHub) -> None:
        answer = await hub.http.get("/Text2Image")
        assert (answer.status_code, answer.headers["location"]) == (302, "./")

    async def test_description(self, hub: RunningHub) -> None:
        answer = await hub.http.get("/schema/openapi.json")
        assert "/API/GenerateText2ImageWS" in answer.json()["paths"]

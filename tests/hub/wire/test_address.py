"""Where the hub is, seen from outside: below a base path, whether or not the proxy takes it off."""

import json

import pytest
import websockets

from hub.settings import BadSettings, Network
from hub.wire import Door, api
from hub.wire.address import Place, base_path, checked_origins, outside_address
from tests.hub.running import RunningHub


@api("TestWhere", permission=None)
async def where(door: Door) -> dict[str, str]:
    """The address of a page of ours, and a cookie."""
    door.set_cookie("swarm_token", "abc", max_age=60)
    return {"address": door.external("/API/Back"), "client": door.peer}


class TestPlace:
    @pytest.mark.parametrize(
        ("asked", "ours"),
        [
            ("/hub/", "/"),
            ("/hub", ""),
            ("/hub/API/Login", "/API/Login"),
            ("/hub/View/local/a.png", "/View/local/a.png"),
            ("/API/Login", "/API/Login"),
            ("/", "/"),
            ("/hubble/x", "/hubble/x"),
            # kept: /hub + /hub/v1/health; taken off: /hub/v1/health
            ("/hub/hub/v1/health", "/hub/v1/health"),
            ("/hub/v1/health", "/hub/v1/health"),
            ("/Hub/V1/health", "/Hub/V1/health"),
        ],
    )
    def test_a_path_with_and_without_its_base(self, asked: str, ours: str) -> None:
        assert Place(Network(base_path="/hub")).inner(asked) == ours

    def test_a_deep_base(self) -> None:
        place = Place(Network(base_path="tools/hub/"))
        assert place.base == "/tools/hub"
        assert place.inner("/tools/hub/API/x") == "/API/x"
        assert place.inner("/tools/hub/v1") == "/v1"
        assert Place(Network()).inner("/hub/v1/health") == "/hub/v1/health"

    @pytest.mark.parametrize(
        "text", ["/a b", "/ü", "/a/../b", "/.", "/a//b", "/API", "/view/x", "/hub/v1", "/a?b", "/a#b"]
    )
    def test_what_is_no_base_path_is_refused_with_its_setting(self, text: str) -> None:
        with pytest.raises(BadSettings, match=r"network\.base_path"):
            base_path(text)

    @pytest.mark.parametrize(
        ("external", "base", "address"),
        [
            ("", "", "https://h:1/API/x"),
            ("", "/hub", "https://h:1/hub/API/x"),
            ("https://out.example", "/hub", "https://out.example/hub/API/x"),
            ("https://out.example/hub/", "/hub", "https://out.example/hub/API/x"),
            ("https://out.example/hub", "", "https://out.example/hub/API/x"),
        ],
    )
    def test_the_one_address(self, external: str, base: str, address: str) -> None:
        place = Place(Network(external_url=external, base_path=base))
        assert place.address("/API/x", "https", "h:1") == address

    def test_an_external_url_must_be_one(self) -> None:
        with pytest.raises(BadSettings, match=r"network\.external_url"):
            Place(Network(external_url="hub.example"))

    def test_without_a_request(self) -> None:
        assert outside_address(Network(host="::1", port=80, base_path="/a")) == "http://[::1]:80/a"
        assert outside_address(Network(tls_cert="x")) == "https://127.0.0.1:7801"


@pytest.mark.parametrize("origin", ["*", "null", "my.page", "https://my.page/path", "file://", ""])
def test_an_origin_that_is_none_is_refused(origin: str) -> None:
    with pytest.raises(BadSettings, match=r"network\.allow_origins"):
        checked_origins((origin,))


BELOW = ("network.base_path=/hub", "engines.start_at_boot=false")


@pytest.mark.hub_settings(*BELOW)
@pytest.mark.hub_routes.with_args(where)
@pytest.mark.parametrize("kept", ["/hub", ""], ids=["the proxy keeps the base path", "it takes it off"])
async def test_everything_answers_below_a_path(hub: RunningHub, kept: str) -> None:
    http = hub.http
    page = await http.get(f"{kept}/")
    assert page.status_code == 200 and "text/html" in page.headers["content-type"]
    assert (await http.get(f"{kept}/hub/v1/health")).json()["status"] == "ok"
    assert (await http.get(f"{kept}/nowhere")).headers["location"] == "/hub/Error/404"
    assert (await http.get(f"{kept}/API/Login")).headers["location"] == "/hub/Error/NoGetAPI"
    assert '<a href="../">' in (await http.get(f"{kept}/Error/404")).text
    described = (await http.get(f"{kept}/schema/openapi.json")).json()
    assert described["servers"] == [{"url": "/hub"}]
    answer = await hub.post(f"{kept}/API/TestWhere", {"a": 1})
    assert answer.json()["address"] == f"http://127.0.0.1:{hub.port}/hub/API/Back"
    assert "; Path=/hub;" in answer.headers["set-cookie"]
    async with hub.socket(f"{kept}/API/GenerateText2ImageWS") as socket:
        await socket.send("{}")
        assert json.loads(await socket.recv())["error"] == "missing session id"
    async with hub.socket(f"{kept}/hub/v1/jobs/watch") as socket:
        await socket.send(json.dumps({"session_id": hub.session}))
        assert "error" not in json.loads(await socket.recv())


@pytest.mark.hub_settings(*BELOW)
async def test_the_base_path_itself_leads_to_the_page(hub: RunningHub) -> None:
    answer = await hub.http.get("/hub")
    assert (answer.status_code, answer.headers["location"]) == (302, "/hub/")


@pytest.mark.hub_settings(*BELOW)
async def test_a_socket_at_the_base_path_itself_is_refused(hub: RunningHub) -> None:
    with pytest.raises(websockets.InvalidStatus):
        async with hub.socket("/hub"):
            raise AssertionError("it was let in")


@pytest.mark.hub_settings("network.proxies=127.0.0.1", "network.hosts=hub.example", *BELOW)
@pytest.mark.hub_routes.with_args(where)
async def test_behind_a_named_proxy(hub: RunningHub) -> None:
    told = {
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "hub.example",
        "origin": "https://hub.example",
        "cookie": "a=b",
    }
    answer = await hub.post("/API/TestWhere", {"a": 1}, **told)
    assert answer.json() == {"address": "https://hub.example/hub/API/Back", "client": "203.0.113.7"}
    assert answer.headers["set-cookie"].endswith("; Secure")

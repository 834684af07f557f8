"""`/ComfyBackendDirect/`: a ComfyUI server's own page and API through the hub, and the extension's routes."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import websockets

from hub.accounts import Accounts
from permissions import Role
from tests.comfy.serving import Comfy, serving
from tests.hub.running import RunningHub, running

MOUNT = "/ComfyBackendDirect"


@pytest_asyncio.fixture
async def comfy() -> AsyncIterator[Comfy]:
    async with serving() as server:
        yield server


@pytest_asyncio.fixture
async def hub(tmp_path: Path, comfy: Comfy) -> AsyncIterator[RunningHub]:
    line = f"comfyui_api Address={comfy.url}"
    async with running(tmp_path, {"engines.types": line, "engines.start_at_boot": "true"}) as hub:
        async with asyncio.timeout(60):
            while (await hub.call("ListBackends"))["0"]["status"] != "running":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        yield hub


async def person(hub: RunningHub, *flags: str) -> str:
    """A session of somebody with these flags and what everybody has."""
    accounts = hub.room(Accounts)
    await accounts.roles.put(Role("direct", "Direct", flags=frozenset({"fundamental", *flags})))
    return await hub.session_as("direct")


class TestCalls:
    async def test_the_servers_answer_comes_back_with_its_own_status(self, hub: RunningHub) -> None:
        answer = await hub.http.get(f"{MOUNT}/features")
        assert answer.status_code == 200 and "supports_preview_metadata" in answer.json()
        assert (await hub.http.get(f"{MOUNT}/view?filename=absent.png")).status_code == 404

    async def test_for_who_changes_that_page_nothing_is_kept(self, hub: RunningHub, comfy: Comfy) -> None:
        assert "cache-control" not in (await hub.http.get(f"{MOUNT}/features")).headers
        settings = {"Address": comfy.url, "EnableFrontendDev": True}
        await hub.call("EditBackend", backend_id=0, title="", settings=settings)
        async with asyncio.timeout(60):
            while (await hub.call("ListBackends"))["0"]["status"] != "running":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert (await hub.http.get(f"{MOUNT}/features")).headers["cache-control"] == "no-store"

    async def test_without_the_closing_stroke_one_is_sent_there(self, hub: RunningHub) -> None:
        answer = await hub.http.get(MOUNT)
        assert answer.status_code == 302 and answer.headers["location"] == "ComfyBackendDirect/"

    async def test_who_lacks_the_flag_is_refused(self, hub: RunningHub) -> None:
        headers = {"X-Session-ID": await hub.session_as("user")}
        answer = await hub.http.get(f"{MOUNT}/features", headers=headers)
        assert answer.json()["permission"] == "comfy_direct_calls"
        answer = await hub.http.get(f"{MOUNT}/features", headers={"X-Session-ID": "nobody"})
        assert answer.json()["error_id"] == "invalid_session_id"

    async def test_generating_there_asks_for_its_own_flag(self, hub: RunningHub, comfy: Comfy) -> None:
        headers = {"X-Session-ID": await person(hub, "comfy_direct_calls")}
        for spelled in ("prompt", "%70rompt", "/prompt", "x/%2e%2e/prompt", "api/%70rompt?x=1"):
            answer = await hub.http.post(f"{MOUNT}/{spelled}", json={"prompt": {}}, headers=headers)
            assert answer.json()["error_id"] in ("bad_permissions", "bad_path"), spelled
        assert not [path for method, path in comfy.requests if method == "POST"]
        answer = await hub.http.post(f"{MOUNT}/prompt", json={"prompt": {}})
        assert answer.status_code == 400 and answer.json()["error"]["type"] == "prompt_no_outputs"

    async def test_pages_of_other_sites_may_not_call(self, hub: RunningHub) -> None:
        for headers in (
            {"Origin": "http://127.0.0.1:1"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            answer = await hub.http.post(f"{MOUNT}/interrupt", json={}, headers=headers)
            assert answer.status_code == 403
            assert (await hub.http.get(f"{MOUNT}/features", headers=headers)).status_code == 403

    async def test_a_server_that_went_away_is_a_sentence(self, hub: RunningHub, comfy: Comfy) -> None:
        await comfy.kill()
        answer = await hub.http.get(f"{MOUNT}/features")
        assert answer.status_code in (502, 503) and "ComfyUI" in answer.json()["error"]


class TestSockets:
    async def test_frames_go_both_ways(self, hub: RunningHub) -> None:
        async with hub.socket(f"{MOUNT}/ws?clientId=mine") as socket:
            first = json.loads(await socket.recv())
            assert (first["type"], first["data"]["sid"]) == ("status", "mine")
            await socket.send(
                json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
            )
            while json.loads(await socket.recv())["type"] != "feature_flags":
                pass

    async def test_a_foreign_origin_and_a_missing_flag_are_refused(self, hub: RunningHub) -> None:
        path = f"{MOUNT}/ws?clientId=mine"
        with pytest.raises(websockets.InvalidStatus):
            async with hub.socket(path, origin="http://elsewhere"):
                pass
        session = {"X-Session-ID": await hub.session_as("user")}
        with pytest.raises(websockets.InvalidStatus):
            async with hub.socket(path, additional_headers=session):
                pass

    async def test_it_ends_with_its_session(self, hub: RunningHub) -> None:
        session = await person(hub, "comfy_direct_calls")
        headers = {"X-Session-ID": session}
        async with hub.socket(f"{MOUNT}/ws?clientId=mine", additional_headers=headers) as socket:
            await socket.recv()
            assert await hub.room(Accounts).sessions.end(session)
            with pytest.raises(websockets.ConnectionClosed):
                async with asyncio.timeout(60):
                    while True:
                        await socket.recv()

    async def test_it_ends_with_the_server(self, hub: RunningHub, comfy: Comfy) -> None:
        async with hub.socket(f"{MOUNT}/ws?clientId=mine") as socket:
            await socket.recv()
            await comfy.kill()
            with pytest.raises(websockets.ConnectionClosed):
                async with asyncio.timeout(60):
                    while True:
                        await socket.recv()


class TestRoutes:
    async def test_node_types(self, hub: RunningHub) -> None:
        assert "KSampler" in (await hub.call("ComfyGetNodeTypesForBackend", backend=0))["node_types"]
        answer = await hub.call("ComfyGetNodeTypesForBackend", backend=7)
        assert answer["field"] == "backend" and answer["limit"] == [0]

    async def test_the_graph_of_a_request(self, hub: RunningHub) -> None:
        model = (await hub.call("ListModels", path="", depth=9))["files"][0]["name"]
        answer = await hub.call("ComfyGetGeneratedWorkflow", prompt="a red cup", model=model, seed=7)
        graph = json.loads(answer["workflow"])
        texts = [node["inputs"].get("text") for node in graph.values()]
        assert "a red cup" in texts and any(node["class_type"] == "KSampler" for node in graph.values())
        assert (await hub.call("GetCurrentStatus"))["status"]["waiting_gens"] == 0

    @pytest.mark.parametrize(
        ("name", "given"),
        [
            ("ComfyInstallFeatures", {"features": "ipadapter"}),
            ("ComfyUpdateTorch", {"backendId": 0}),
        ],
    )
    async def test_what_is_installed_elsewhere_is_refused_in_words(
        self, hub: RunningHub, name: str, given: dict[str, object]
    ) -> None:
        assert "does not change a ComfyUI installation" in (await hub.call(name, **given))["error"]

    @pytest.mark.parametrize(
        ("name", "given"),
        [
            (
                "DoTensorRTCreateWS",
                {"model": "a", "aspect": "1:1", "aspectRange": "0", "optBatch": 1, "maxBatch": 1},
            ),
        ],
    )
    async def test_what_this_hub_cannot_make_is_refused_in_words(
        self, hub: RunningHub, name: str, given: dict[str, object]
    ) -> None:
        (frame,) = await hub.talk(name, **given)
        assert frame["error"].startswith("This hub cannot")

    async def test_lists_are_always_fresh(self, hub: RunningHub) -> None:
        assert (await hub.call("ComfyEnsureRefreshable"))["success"] is True
        assert (await hub.call("ComfyListTorchInstalls"))["installs"] == []

"""The requests one by one, on servers of several versions and behind proxies that answer for them."""

import pytest

from backends.comfyui_api import calls
from backends.comfyui_api.calls import BadAnswer, Unsure
from backends.comfyui_api.frames import File
from backends.comfyui_api.server import Server
from backends.contract import Misconfigured, Unreachable
from tests.backends.comfyui_api.bench import Settings, settled
from tests.comfy.asking import drawing
from tests.comfy.serving import Comfy, serving

ID = "7b0a4c9e-4f0e-5d0a-9a55-1f1d0c9b8a3e"
EMPTY = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 7}}
}


def body(graph: object, prompt: str = ID) -> dict[str, object]:
    return {"prompt": graph, "prompt_id": prompt, "client_id": "c"}


async def reached(comfy: Comfy) -> Server:
    server = Server(comfy.url, {})
    await server.system()
    return server


@pytest.mark.parametrize(("version", "jobs", "cancels"), [("0.33.0", 1, 1), ("0.8.0", 1, 0), ("0.4.0", 0, 0)])
async def test_states_are_told_the_same_whatever_the_version(version: str, jobs: int, cancels: int) -> None:
    settings = Settings(version=version, step_seconds=0.03)
    async with serving(settings) as comfy:
        server = await reached(comfy)
        assert server.version == tuple(int(part) for part in version.split("."))
        assert (await server.state(ID)).stand == "absent"
        other = ID[:-1] + "f"
        assert await server.post(body(drawing(steps=40)), "9") is None
        assert await server.post(body(drawing(seed=2), other), "9") is None
        await settled(lambda: comfy.memory.running)
        assert (await server.state(ID)).stand == "running"
        assert (await server.state(other)).stand == "pending"
        await server.cancel(ID)
        await settled(lambda: comfy.memory.history)
        assert (await server.state(ID)).stand == "cancelled"
        await settled(lambda: other in comfy.memory.history)
        state = await server.state(other)
        assert state.stand == "completed"
        assert await server.view(state.files("9")[0])
        await server.forget(other)
        assert (await server.state(other)).stand == "absent"
        assert (server.jobs, server.cancels) == (bool(jobs), bool(cancels))
        await server.close()


async def test_a_prompt_that_runs_without_the_wanted_output_is_refused_and_known_to_run() -> None:
    graph = EMPTY | {
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
        "3": {"class_type": "PreviewImage", "inputs": {}},
    }
    async with serving() as comfy:
        server = await reached(comfy)
        refused = await server.post(body(graph), "3")
        assert refused is not None
        assert refused.runs
        assert await server.post(body(graph, ID[:-1] + "f"), "2") is None
        await server.close()


async def test_uploads_are_named_as_the_server_answers() -> None:
    async with serving() as comfy:
        server = await reached(comfy)
        assert await server.upload("a.png", "hub/x", b"one") == "hub/x/a.png"
        assert await server.upload("a.png", "hub/x", b"one") == "hub/x/a.png"
        assert await server.upload("a.png", "hub/x", b"two") == "hub/x/a (1).png"
        with pytest.raises(BadAnswer, match="HTTP 400"):
            await server.upload("a.png", "../../x", b"one")
        assert await server.view(File("none.png")) is None
        await server.close()


async def test_a_proxy_that_answers_for_the_server_leaves_open_what_became_of_a_prompt() -> None:
    async with serving() as comfy:
        server = await reached(comfy)
        comfy.settings.broken["/prompt"] = 502
        comfy.settings.broken["/queue"] = 503
        with pytest.raises(Unsure):
            await server.post(body(drawing()), "9")
        server.jobs = False
        with pytest.raises(Unreachable):
            await server.state(ID)
        await server.close()


@pytest.mark.parametrize(
    ("status", "setting"), [(401, "ExtraHeaders"), (403, "ExtraHeaders"), (302, "Address")]
)
async def test_a_barred_way_names_the_setting(status: int, setting: str) -> None:
    async with serving() as comfy:
        comfy.settings.broken["/system_stats"] = status
        server = Server(comfy.url, {})
        with pytest.raises(Misconfigured, match=setting):
            await server.system()
        await server.close()


@pytest.mark.parametrize("status", [404, 500])
async def test_something_else_at_the_address_may_go_away_again(status: int) -> None:
    async with serving() as comfy:
        comfy.settings.broken["/system_stats"] = status
        server = Server(comfy.url, {})
        with pytest.raises(Unreachable, match="no ComfyUI"):
            await server.system()
        await server.close()


async def test_an_answer_without_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "LARGEST", 1000)
    async with serving() as comfy:
        server = await reached(comfy)
        with pytest.raises(BadAnswer, match="larger"):
            await server.info()
        await server.close()

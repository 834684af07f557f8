"""What machine and queue use up, over the API: now in SwarmUI's shape, and over time as columns."""

import asyncio
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.resources import Resources
from tests.hub.running import RunningHub, running
from tests.swarm_api.sketching import SETTINGS, talking

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = SETTINGS
RECORDED = Path(__file__).parents[1] / "hub" / "resources" / "nvidia_smi.csv"


async def read(
    hub: RunningHub, path: str, session: str | None = None, **query: str | float
) -> tuple[int, Any]:
    answer = await hub.http.get(
        f"/hub/v1{path}", params=query, headers={"X-Session-ID": session or hub.session}
    )
    return answer.status_code, answer.json()


async def test_without_a_session_and_without_the_flag_nothing_is_told(shared_hub: RunningHub) -> None:
    hub = shared_hub
    user = await hub.session_as("user")
    assert (await hub.call("GetServerResourceInfo", session_id="F" * 40))["error_id"] == "invalid_session_id"
    answer = await hub.call("GetServerResourceInfo", session_id=user)
    assert answer["permission"] == "read_server_info_panels"
    assert (await read(hub, "/resources", user))[1]["permission"] == "read_server_info_panels"
    assert (await read(hub, "/resources", "F" * 40))[0] == 401


async def test_the_machine_is_told_of_as_swarmui_does(shared_hub: RunningHub) -> None:
    hub = shared_hub
    told = await hub.call("GetServerResourceInfo")
    assert set(told) - {"gpus"} == {"cpu", "system_ram", "disk"}
    assert 0 <= told["cpu"]["usage"] <= 1 and told["cpu"]["cores"] >= 1
    for part in ("system_ram", "disk"):
        assert told[part]["total"] == told[part]["used"] + told[part]["free"] > 0


@pytest.mark.parametrize(("query", "field"), [({"step": "x"}, "step"), ({"after": "-1"}, "after")])
async def test_what_cannot_be_asked_is_named(
    shared_hub: RunningHub, query: dict[str, str], field: str
) -> None:
    hub = shared_hub
    assert (await read(hub, "/resources", **query))[1]["field"] == field


async def test_queue_and_machine_come_as_columns(shared_hub: RunningHub) -> None:
    hub = shared_hub
    resources = hub.room(Resources)
    async with talking(hub) as talk:
        await talk.ask(prompt="red", images=2)
        await talk.until("socket_intention", seconds=60)
    async with asyncio.timeout(60):
        while "wait_p50" not in (await read(hub, "/resources"))[1]["columns"]:  # rows are closed by the next
            await resources.sample()
            await asyncio.sleep(0.2)
    told = (await read(hub, "/resources"))[1]
    assert told["step"] == 1 and told["times"] == sorted(told["times"])
    assert {len(column) for column in told["columns"].values()} == {len(told["times"])}
    assert {"cpu", "ram_used", "disk_free", "queue_waiting", "images_per_minute", "wait_p95"} <= set(
        told["columns"]
    )
    assert set(told["units"]) == set(told["columns"]) and told["units"]["wait_p50"] == "seconds"
    assert told["facts"]["ram_total"] > 0
    metrics = (await hub.http.get("/hub/v1/metrics", headers={"X-Session-ID": hub.session})).text
    assert (
        'hub_wait_seconds{quantile="0.5"} ' in metrics and 'hub_engine_images_total{engine="0"} ' in metrics
    )
    assert f"hub_machine_memory_total_bytes {float(told['facts']['ram_total'])}\n" in metrics
    later = (await read(hub, "/resources", after=told["times"][-1]))[1]
    assert all(when > told["times"][-1] for when in later["times"])
    assert (await read(hub, "/resources", step=5))[1]["step"] == 10
    assert (await read(hub, "/resources", step=86400))[1]["step"] == 120


@pytest_asyncio.fixture(loop_scope="module")
async def hub_with_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningHub]:
    """A hub on a machine whose `nvidia-smi` says what a real one was recorded to say."""
    tools = tmp_path / "tools"
    tools.mkdir()
    tool = tools / "nvidia-smi"
    tool.write_text(
        f"#!{sys.executable}\nimport sys, time\n"
        f"while True:\n    sys.stdout.write(open({str(RECORDED)!r}).read()); sys.stdout.flush()\n"
        "    time.sleep(1)\n"
    )
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tools))
    async with running(tmp_path / "data", {}) as hub:
        yield hub


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
async def test_cards_are_told_of(hub_with_cards: RunningHub) -> None:
    hub = hub_with_cards
    async with asyncio.timeout(60):
        while len((await hub.call("GetServerResourceInfo")).get("gpus", {})) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    gpus = (await hub.call("GetServerResourceInfo"))["gpus"]
    assert gpus["0"] == {
        "id": 0,
        "name": "NVIDIA GeForce RTX 3090",
        "temperature": 61,
        "utilization_gpu": 97,
        "utilization_memory": 58,
        "total_memory": 24576 * 2**20,
        "free_memory": 3801 * 2**20,
        "used_memory": 20458 * 2**20,
        "power": 342.18,
    }
    await hub.room(Resources).sample()
    async with asyncio.timeout(60):
        while "gpu1_temperature" not in (told := (await read(hub, "/resources"))[1])["columns"]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert told["facts"]["gpu_names"]["1"] == "Tesla T4"
    assert told["units"]["gpu0_memory_used"] == "bytes" and told["units"]["gpu0_use"] == "share"
    metrics = (await hub.http.get("/hub/v1/metrics", headers={"X-Session-ID": hub.session})).text
    assert 'hub_gpu_use_share{gpu="0",name="NVIDIA GeForce RTX 3090"} 0.97\n' in metrics
    assert 'hub_gpu_temperature_celsius{gpu="1",name="Tesla T4"} 35.0\n' in metrics

"""FreeBackendMemory over HTTP."""

import asyncio

import pytest

from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {"engines.start_at_boot": "false", "engines.threads": "1"}


async def test_anonymous_callers_and_those_without_the_flag(shared_hub: RunningHub) -> None:
    assert (await shared_hub.post("/API/FreeBackendMemory", {})).status_code == 400
    session = await shared_hub.session_as("user")
    answer = await shared_hub.post("/API/FreeBackendMemory", {"session_id": session})
    assert answer.status_code == 400 and answer.json()["permission"] == "control_mem_clean"


async def test_no_such_backend_is_named(shared_hub: RunningHub) -> None:
    answer = await shared_hub.call("FreeBackendMemory", backend="7")
    assert answer == {"error": "There is no backend '7'.", "field": "backend", "limit": ["all", "0"]}


async def test_an_engine_that_never_started_holds_nothing(shared_hub: RunningHub) -> None:
    answer = await shared_hub.call("FreeBackendMemory")
    assert (answer["result"], answer["count"], answer["freed"]) == (False, 0, [])
    assert answer["hub_memory"] >= 0


@pytest.mark.parametrize("asked", [{}, {"backend": "0", "system_ram": True}])
async def test_a_loaded_model_is_let_go_and_told(shared_hub: RunningHub, asked: dict[str, object]) -> None:
    assert await shared_hub.call("SelectModel", model="starter") == {"success": True}
    assert len((await shared_hub.call("ListLoadedModels"))["models"]) == 1
    answer = await shared_hub.call("FreeBackendMemory", **asked)
    assert (answer["result"], answer["count"]) == (True, 1)
    freed = answer["freed"][0]
    assert freed["id"] == 0 and freed["memory"] >= 0 and freed["models"] in (["starter"], [])
    async with asyncio.timeout(60):
        while (await shared_hub.call("ListLoadedModels"))["models"]:  # noqa: ASYNC110 - the engine tells later
            await asyncio.sleep(0.05)

"""What a call that still waits hears when the hub stops."""

import asyncio
from pathlib import Path
from typing import Any

from hub.wire import api
from hub.wire.route import routes_of
from tests.hub.running import running


@api("TestForever", permission="fundamental")
async def forever() -> dict[str, Any]:
    """Wait for what never comes."""
    await asyncio.Event().wait()
    return {}


async def test_a_waiting_call_gets_a_sentence(tmp_path: Path) -> None:
    async with running(tmp_path / "data", {}, routes_of(forever)) as hub:
        call = asyncio.create_task(hub.post("/API/TestForever", {"session_id": hub.session}))
        await asyncio.sleep(0.2)
        hub.server.should_exit = True
        answer = await call
        assert (answer.status_code, answer.json()["error_id"]) == (503, "shutting_down")

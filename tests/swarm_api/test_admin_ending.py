"""Stopping and restarting the hub from inside, and the watchdog: who may, what sockets hear, what is left."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from hub.setup.serving import RESTART as LAUNCHERS
from hub.wire.ending import RESTART, SUPERVISED, Ending
from tests.hub.running import RunningHub, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROUTES = {"/API/ShutdownServer": "shutdown", "/hub/v1/restart": "restart"}


async def post(hub: RunningHub, path: str, session: str | None = None) -> Any:
    return (await hub.post(path, {"session_id": session or hub.session})).json()


async def test_the_launcher_knows_the_code() -> None:
    assert RESTART == LAUNCHERS


@pytest.mark.parametrize(("path", "flag"), ROUTES.items())
async def test_who_lacks_the_flag_stops_nothing(shared_hub: RunningHub, path: str, flag: str) -> None:
    hub = shared_hub
    assert (await hub.post(path, {})).json()["error_id"] == "basic_api"
    assert (await post(hub, path, "F" * 40))["error_id"] == "invalid_session_id"
    assert (await post(hub, path, await hub.session_as("user")))["permission"] == flag
    assert not hub.room(Ending).asked


async def test_an_admin_may_restart_and_not_stop(shared_hub: RunningHub) -> None:
    hub = shared_hub
    admin = await hub.session_as("admin")
    assert (await post(hub, "/API/ShutdownServer", admin))["permission"] == "shutdown"
    assert "launch.py" in (await post(hub, "/hub/v1/restart", admin))["error"]


async def test_it_answers_then_says_farewell_and_stops(tmp_path: Path) -> None:
    async with running(tmp_path, {}) as hub:
        async with hub.socket("/API/GenerateText2ImageWS") as socket:
            assert await hub.call("ShutdownServer") == {"success": True}
            frames = []
            with pytest.raises(ConnectionClosed) as closed:
                async with asyncio.timeout(60):
                    while True:
                        frames.append(json.loads(await socket.recv()))
            assert frames[-1]["error_id"] == "shutting_down" and closed.value.rcvd.code == 1012
        async with asyncio.timeout(60):
            while hub.server.started and not hub.server.should_exit:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert hub.app.board.ending.code == 0


async def test_without_anybody_who_starts_it_again_it_does_not_stop(shared_hub: RunningHub) -> None:
    hub = shared_hub
    assert "was not started by launch.py" in (await post(hub, "/hub/v1/restart"))["error"]
    assert not hub.room(Ending).asked


async def test_under_a_launcher_it_restarts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SUPERVISED, "1")
    async with running(tmp_path, {}) as hub:
        assert await post(hub, "/hub/v1/restart") == {"success": True}
        assert hub.room(Ending).asked and hub.room(Ending).code == RESTART
        await hub.call("ShutdownServer")
        assert hub.room(Ending).code == RESTART, "the first wish counts"


async def test_control_needs_its_flag(shared_hub: RunningHub) -> None:
    hub = shared_hub
    answer = await hub.call("AdminTakeControl", session_id=await hub.session_as("user"))
    assert answer["permission"] == "automated_control"
    assert await hub.call("AdminTakeControl") == {"success": True}


async def test_a_watchdog_that_is_told_in_time_stays_quiet() -> None:
    ended = asyncio.Event()
    ending = Ending({})
    ending.use(ended.set)
    ending.controlled(3600)
    ending.controlled(0.01)  # only the last one counts
    async with asyncio.timeout(30):
        await ended.wait()
    other = Ending({})
    other.controlled(0.01)
    other.controlled(0)
    assert not other.asked and not other.supervised


async def test_a_hub_that_nobody_controls_stops_by_itself(tmp_path: Path) -> None:
    async with running(tmp_path, {"network.control_seconds": "0.05"}) as hub:
        assert (await hub.call("AdminTakeControl"))["success"]
        async with asyncio.timeout(60):
            while not hub.server.should_exit:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert hub.room(Ending).code == 0

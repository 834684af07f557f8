"""The log over the API: kinds, lines since a number, engines' lines, and who may not look."""

import logging
from pathlib import Path

from hub.logs import Recent
from tests.hub.running import RunningHub, running


async def test_kinds_are_ours_and_the_engines(hub: RunningHub) -> None:
    kinds = (await hub.call("ListLogTypes"))["types_available"]
    assert [kind["identifier"] for kind in kinds][:6] == [
        "Verbose",
        "Debug",
        "Info",
        "Init",
        "Warning",
        "Error",
    ]
    assert kinds[6]["identifier"] == "backend-0" and kinds[0]["color"] == "#606060"


async def test_lines_are_followed(hub: RunningHub) -> None:
    logging.getLogger("hub.test").warning("first")
    answer = await hub.call("ListRecentLogMessages", types=["Warning", "Nothing"])
    assert list(answer["data"]) == ["Warning"]
    line = answer["data"]["Warning"][-1]
    assert line["message"] == "hub.test: first" and line["sequence_id"] <= answer["last_sequence_id"]
    logging.getLogger("hub.test").warning("second")
    seen = {"Warning": line["sequence_id"]}
    answer = await hub.call("ListRecentLogMessages", types=["Warning"], last_sequence_ids=seen)
    assert [line["message"] for line in answer["data"]["Warning"]] == ["hub.test: second"]
    assert set((await hub.call("ListRecentLogMessages"))["data"]) >= {"Info", "Error", "backend-0"}


async def test_what_cannot_be_read_is_named(hub: RunningHub) -> None:
    assert (await hub.call("ListRecentLogMessages", types="Info"))["field"] == "types"
    for seen in (3, {"Info": "x"}):
        answer = await hub.call("ListRecentLogMessages", types=["Info"], last_sequence_ids=seen)
        assert answer["field"] == "last_sequence_ids"


async def test_who_lacks_the_flag_sees_nothing(hub: RunningHub) -> None:
    session = await hub.session_as("user")
    for name in ("ListLogTypes", "ListRecentLogMessages"):
        assert (await hub.call(name, session_id=session))["permission"] == "view_logs"


async def test_it_listens_while_the_hub_runs_and_no_longer(tmp_path: Path) -> None:
    async with running(tmp_path, {}) as hub:
        recent = hub.room(Recent)
        assert recent in logging.getLogger().handlers
    assert recent not in logging.getLogger().handlers

"""CheckForUpdates and UpdateAndRestart over the API, against a repository on this disk; and the routes about
what this hub has not.
"""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.wire import Ending
from hub.wire.ending import RESTART, SUPERVISED
from tests.hub.running import RunningHub, running
from tests.hub.updates.copies import Copies

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
ABSENT = {
    "InstallExtension": ("manage_extensions", {"extensionName": "SomeExtension"}),
    "UpdateExtension": ("manage_extensions", {"extensionName": "SomeExtension"}),
    "UninstallExtension": ("manage_extensions", {"extensionName": "SomeExtension"}),
    "SetExtensionEnabled": ("manage_extensions", {"extensionName": "SomeExtension", "enabled": True}),
    "InstallDotnetUpdate": ("install", {}),
}


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    return Copies(tmp_path)


@pytest.fixture
async def following(
    copies: Copies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningHub]:
    """A hub that takes `copies.copy` for its own copy, started by somebody who starts it again."""
    monkeypatch.setattr("hub.upkeep.ROOT", copies.copy)
    monkeypatch.setenv(SUPERVISED, "1")
    async with running(tmp_path / "data", {}) as hub:
        yield hub


@pytest.mark.parametrize("name", ["CheckForUpdates", "UpdateAndRestart"])
async def test_who_lacks_the_flag_is_refused(following: RunningHub, name: str) -> None:
    assert (await following.post(f"/API/{name}", {})).json()["error_id"] == "basic_api"
    session = await following.session_as("user")
    answer = await following.call(name, session_id=session, doUpdateServer=True)
    assert answer["permission"] == "restart" and not following.room(Ending).asked


async def test_what_is_new_is_counted_and_named(following: RunningHub, copies: Copies) -> None:
    assert await following.call("CheckForUpdates") == {
        "server": {"count": 0, "preview": []},
        "extensions": {},
        "backends": {},
    }
    copies.publish("README.md", "new\n", "Mend the thing")
    assert (await following.call("CheckForUpdates"))["server"] == {"count": 1, "preview": ["Mend the thing"]}


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"aggressive": True}, "aggressive"),
        ({"extensionsToUpdate": ["x"]}, "extensionsToUpdate"),
        ({"backendsToUpdate": ["x"]}, "backendsToUpdate"),
        ({"doUpdateServer": "perhaps"}, None),
    ],
)
async def test_what_is_not_done_is_refused(
    following: RunningHub, copies: Copies, wanted: dict[str, object], field: str | None
) -> None:
    copies.publish("README.md", "new\n", "New")
    answer = await following.call("UpdateAndRestart", **{"doUpdateServer": True, **wanted})
    assert "error" in answer and (field is None or answer["field"] == field)
    assert (copies.copy / "README.md").read_text() == "first\n" and not following.room(Ending).asked


async def test_nothing_new_is_no_success_and_no_restart(following: RunningHub) -> None:
    for wanted in ({}, {"doUpdateServer": True}):
        answer = await following.call("UpdateAndRestart", **wanted)
        assert answer == {"success": False, "result": "No changes found."}
    assert not following.room(Ending).asked


async def test_forced_it_restarts_without_anything_new(following: RunningHub) -> None:
    answer = await following.call("UpdateAndRestart", force=True)
    assert answer["success"] and following.room(Ending).code == RESTART


async def test_what_is_new_is_taken_and_the_hub_restarts(following: RunningHub, copies: Copies) -> None:
    copies.publish("README.md", "new\n", "New")
    answer = await following.call("UpdateAndRestart", doUpdateServer=True)
    assert answer["success"] and "1 commits" in answer["result"]
    assert (copies.copy / "README.md").read_text() == "new\n"
    assert following.room(Ending).asked and following.room(Ending).code == RESTART


async def test_files_changed_by_hand_stop_it(following: RunningHub, copies: Copies) -> None:
    copies.publish("README.md", "theirs\n", "New")
    (copies.copy / "README.md").write_text("mine\n")
    answer = await following.call("UpdateAndRestart", doUpdateServer=True)
    assert "README.md" in answer["error"] and "success" not in answer
    assert (copies.copy / "README.md").read_text() == "mine\n" and not following.room(Ending).asked


async def test_a_setting_switches_updates_off_at_once(following: RunningHub) -> None:
    await following.call("ChangeServerSettings", settings={"updates.allowed": False})
    for name in ("CheckForUpdates", "UpdateAndRestart"):
        assert (await following.call(name, doUpdateServer=True))["field"] == "updates.allowed"


async def test_where_nobody_starts_it_again_nothing_is_taken(
    copies: Copies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.upkeep.ROOT", copies.copy)
    monkeypatch.delenv(SUPERVISED, raising=False)
    copies.publish("README.md", "new\n", "New")
    async with running(tmp_path / "data", {}) as hub:
        answer = await hub.call("UpdateAndRestart", doUpdateServer=True)
        assert "launch.py" in answer["error"] and not hub.room(Ending).asked
    assert (copies.copy / "README.md").read_text() == "first\n"


@pytest.mark.parametrize(("name", "what"), ABSENT.items())
async def test_what_this_hub_has_not_is_said_plainly(
    hub: RunningHub, name: str, what: tuple[str, dict[str, object]]
) -> None:
    flag, body = what
    assert (await hub.post(f"/API/{name}", body)).json()["error_id"] == "basic_api"
    assert (await hub.call(name, session_id=await hub.session_as("user"), **body))["permission"] == flag
    answer = await hub.call(name, **body)
    assert "success" not in answer and len(answer["error"]) > 30
    if body:
        assert (await hub.call(name))["field"] in body

"""CheckForUpdates and UpdateAndRestart over the API, against a repository on this disk; and the routes about
what this hub has not.
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from hub.wire import Ending
from hub.wire.ending import RESTART, SUPERVISED
from tests.hub.running import RunningHub, running
from tests.hub.updates.copies import Copies, git

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("git") is None, reason="no git here"),
]
ABSENT = {
    "InstallExtension": ("manage_extensions", {"extensionName": "SomeExtension"}),
    "UpdateExtension": ("manage_extensions", {"extensionName": "SomeExtension"}),
    "UninstallExtension": ("manage_extensions", {"extensionName": "SomeExtension"}),
    "SetExtensionEnabled": ("manage_extensions", {"extensionName": "SomeExtension", "enabled": True}),
    "InstallDotnetUpdate": ("install", {}),
}


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    """The repository that the hubs of this module follow, whoever started them starts them again."""
    found = Copies(tmp_path_factory.mktemp("copies"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hub.upkeep.ROOT", found.copy)
        patch.setenv(SUPERVISED, "1")
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def following(copies: Copies, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningHub]:
    """A hub that takes `copies.copy` for its own copy and is not to be restarted."""
    async with running(tmp_path_factory.mktemp("following"), {}) as hub:
        yield hub
        assert not hub.room(Ending).asked


@pytest.fixture
def behind(copies: Copies) -> str:
    """The copy lacks one commit; what it has in its file."""
    git(copies.copy, "pull", "--quiet")
    kept = (copies.copy / "README.md").read_text()
    copies.publish("README.md", f"{kept}more\n", "Add a line")
    return kept


@pytest.mark.parametrize("name", ["CheckForUpdates", "UpdateAndRestart"])
async def test_who_lacks_the_flag_is_refused(following: RunningHub, name: str) -> None:
    assert (await following.post(f"/API/{name}", {})).json()["error_id"] == "basic_api"
    session = await following.session_as("user")
    answer = await following.call(name, session_id=session, doUpdateServer=True)
    assert answer["permission"] == "restart"


async def test_what_is_new_is_counted_and_named(following: RunningHub, behind: str) -> None:
    assert await following.call("CheckForUpdates") == {
        "server": {"count": 1, "preview": ["Add a line"]},
        "extensions": {},
        "backends": {},
    }


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
    following: RunningHub, copies: Copies, behind: str, wanted: dict[str, object], field: str | None
) -> None:
    answer = await following.call("UpdateAndRestart", **{"doUpdateServer": True, **wanted})
    assert "error" in answer and (field is None or answer["field"] == field)
    assert (copies.copy / "README.md").read_text() == behind


async def test_nothing_new_is_no_success(following: RunningHub, copies: Copies) -> None:
    git(copies.copy, "pull", "--quiet")
    for wanted in ({}, {"doUpdateServer": True}):
        answer = await following.call("UpdateAndRestart", **wanted)
        assert answer == {"success": False, "result": "No changes found."}


async def test_files_changed_by_hand_stop_it(following: RunningHub, copies: Copies, behind: str) -> None:
    (copies.copy / "README.md").write_text("mine\n")
    answer = await following.call("UpdateAndRestart", doUpdateServer=True)
    assert "README.md" in answer["error"] and "success" not in answer
    assert (copies.copy / "README.md").read_text() == "mine\n"
    git(copies.copy, "checkout", "--quiet", "README.md")


async def test_a_setting_switches_updates_off_at_once(following: RunningHub) -> None:
    await following.call("ChangeServerSettings", settings={"updates.allowed": False})
    for name in ("CheckForUpdates", "UpdateAndRestart"):
        assert (await following.call(name, doUpdateServer=True))["field"] == "updates.allowed"
    await following.call("ChangeServerSettings", settings={"updates.allowed": True})


@pytest.mark.parametrize(("name", "what"), ABSENT.items())
async def test_what_this_hub_has_not_is_said_plainly(
    following: RunningHub, name: str, what: tuple[str, dict[str, object]]
) -> None:
    flag, body = what
    user = await following.session_as("user")
    assert (await following.post(f"/API/{name}", body)).json()["error_id"] == "basic_api"
    assert (await following.call(name, session_id=user, **body))["permission"] == flag
    answer = await following.call(name, **body)
    assert "success" not in answer and len(answer["error"]) > 30
    if body:
        assert (await following.call(name))["field"] in body


async def test_what_is_new_is_taken_and_the_hub_restarts(copies: Copies, behind: str, tmp_path: Path) -> None:
    async with running(tmp_path, {}) as hub:
        answer = await hub.call("UpdateAndRestart", doUpdateServer=True)
        assert answer["success"] and "1 commits" in answer["result"]
        assert (copies.copy / "README.md").read_text() == f"{behind}more\n"
        assert hub.room(Ending).asked and hub.room(Ending).code == RESTART


async def test_forced_it_restarts_without_anything_new(copies: Copies, tmp_path: Path) -> None:
    async with running(tmp_path, {}) as hub:
        assert (await hub.call("UpdateAndRestart", force=True))["success"]
        assert hub.room(Ending).code == RESTART


async def test_where_nobody_starts_it_again_nothing_is_taken(
    copies: Copies, behind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SUPERVISED)
    async with running(tmp_path, {}) as hub:
        answer = await hub.call("UpdateAndRestart", doUpdateServer=True)
        assert "launch.py" in answer["error"] and not hub.room(Ending).asked
    assert (copies.copy / "README.md").read_text() == behind

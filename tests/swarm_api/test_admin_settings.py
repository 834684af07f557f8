"""The server's settings over the API: listed with texts, changed whole or not at all, kept in the file."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from hub.accounts import Accounts
from hub.settings import FILE, Settings, fields_of, load
from tests.hub.running import RunningHub, running


async def change(hub: RunningHub, **wanted: Any) -> Any:
    return await hub.call(
        "ChangeServerSettings", settings={key.replace("__", "."): v for key, v in wanted.items()}
    )


async def test_every_setting_is_listed_with_its_text(hub: RunningHub) -> None:
    settings = (await hub.call("ListServerSettings"))["settings"]
    assert list(settings) == list(Settings.__struct_fields__)
    for section in settings:
        listed = settings[section]["value"]
        assert set(listed) == set(fields_of(section)) - ({"data"} if section == "folders" else set())
        assert all(entry["description"] for entry in listed.values()), section
    port = settings["network"]["value"]["port"]
    assert (port["type"], port["default_value"], port["needs_restart"]) == ("integer", 7801, True)
    assert port["fixed_by"] == "command line", "the test's hub was given it"
    assert settings["network"]["value"]["hosts"]["type"] == "list"
    assert settings["engines"]["value"]["downloads"]["type"] == "boolean"


async def test_a_change_is_kept_in_the_file_and_holds_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.write_text("# mine\n[limits]\nimages = 50 # few\n")
    async with running(tmp_path, {}) as hub:
        answer = await change(hub, limits__images=60, limits__prompt_kib=12, outputs__append_user=False)
        assert answer["needs_restart"] == ["limits.images", "limits.prompt_kib", "outputs.append_user"]
        listed = (await hub.call("ListServerSettings"))["settings"]
        assert listed["limits"]["value"]["images"]["value"] == 60
    text = file.read_text()
    assert text.startswith("# mine\n") and "images = 60 # few" in text and "# Longest prompt" in text
    assert load(tmp_path).limits.images == 60 and load(tmp_path).limits.prompt_kib == 12
    async with running(tmp_path, {}) as hub:
        assert (await change(hub, limits__images=60))["success"]
    assert [path.name for path in tmp_path.glob(f".{FILE}*")] == []


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"limits__images": 0}, "limits.images"),
        ({"limits__images": "many"}, "limits.images"),
        ({"nothing__such": 1}, "nothing.such"),
        ({"folders__data": "/"}, "folders.data"),
        ({"log__level": "loud"}, "log.level"),
        ({"network__host": "0.0.0.0"}, "network.host"),
    ],
)
async def test_one_fault_changes_nothing(
    hub: RunningHub, tmp_path: Path, wanted: dict[str, Any], field: str
) -> None:
    answer = await change(hub, limits__prompt_kib=12, **wanted)
    assert answer["field"] == field
    listed = (await hub.call("ListServerSettings"))["settings"]
    assert listed["limits"]["value"]["prompt_kib"]["value"] == Settings().limits.prompt_kib


async def test_what_is_stronger_than_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_LIMITS_IMAGES", "70")
    async with running(tmp_path, {"limits.prompt_kib": "9"}) as hub:
        answer = await change(hub, limits__images=60, limits__prompt_kib=12, limits__loras=3)
        assert answer["needs_restart"] == ["limits.loras"]
        assert answer["overruled"] == {
            "limits.images": "environment variable HUB_LIMITS_IMAGES",
            "limits.prompt_kib": "command line",
        }
        listed = (await hub.call("ListServerSettings"))["settings"]["limits"]["value"]
        assert (listed["images"]["value"], listed["prompt_kib"]["value"]) == (70, 9)
    assert tomllib.loads((tmp_path / FILE).read_text())["limits"]["images"] == 60


async def test_beyond_this_machine_only_with_an_owner(hub: RunningHub) -> None:
    accounts = hub.room(Accounts)
    await accounts.users.add("olga", password="x" * 60, roles=("owner",))
    assert (await change(hub, network__host="0.0.0.0"))["success"]


async def test_reading_and_changing_have_their_flags(hub: RunningHub) -> None:
    session = await hub.session_as("user")
    answer = await hub.call("ListServerSettings", session_id=session)
    assert answer["permission"] == "read_server_settings"
    answer = await hub.call("ChangeServerSettings", session_id=session, settings={})
    assert answer["permission"] == "edit_server_settings"
    assert (await hub.call("ChangeServerSettings"))["field"] == "settings"

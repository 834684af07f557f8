"""The Backends family over HTTP: engines listed, added, changed, switched, removed and started anew."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.backends.lighthouse import Lighthouse
from tests.hub.running import RunningHub, running

ENGINES = Path(__file__).parents[1] / "backends" / "engines"
SETTINGS = {"folders.engines": str(ENGINES), "engines.types": "echo", "engines.threads": "1"}
MASK = "\t<secret>"

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = SETTINGS

MUTATING: dict[str, tuple[str, dict[str, Any]]] = {
    "AddNewBackend": ("add_remove_backends", {"type_id": "beacon"}),
    "EditBackend": ("edit_backends", {"backend_id": 0, "title": "x", "settings": {}}),
    "DeleteBackend": ("add_remove_backends", {"backend_id": 0}),
    "ToggleBackend": ("toggle_backends", {"backend_id": 0, "enabled": False}),
    "RestartBackends": ("restart_backends", {}),
    "FreeBackendMemory": ("control_mem_clean", {}),
}
READING = {"ListBackends": "view_backends_list", "ListBackendTypes": "view_backends_list"}


async def until(hub: RunningHub, number: int, *words: str) -> dict[str, Any]:
    """The engine once its status is one of these."""
    async with asyncio.timeout(60):
        while True:
            found: dict[str, Any] = (await hub.call("ListBackends"))[str(number)]
            if found["status"] in words:
                return found
            await asyncio.sleep(0.02)


async def add(hub: RunningHub, kind: str, **settings: Any) -> int:
    number: int = (await hub.call("AddNewBackend", type_id=kind))["id"]
    if settings:
        answer = await hub.call("EditBackend", backend_id=number, title="", settings=settings)
        assert "error" not in answer, answer
    return number


@pytest.mark.parametrize("name", [*MUTATING, *READING])
async def test_anonymous_callers_and_those_without_the_flag(shared_hub: RunningHub, name: str) -> None:
    flag, body = MUTATING[name] if name in MUTATING else (READING[name], {})
    assert (await shared_hub.post(f"/API/{name}", body)).json()["error_id"] == "basic_api"
    session = await shared_hub.session_as("user")
    answer = await shared_hub.post(f"/API/{name}", {"session_id": session, **body})
    assert answer.status_code == 400 and answer.json()["permission"] == flag
    assert list(await shared_hub.call("ListBackends")) == ["0"]


async def test_the_list_is_a_bare_map_of_documented_keys(shared_hub: RunningHub) -> None:
    answer = await shared_hub.call("ListBackends", nonreal=True, full_data=True)
    assert list(answer) == ["0"]
    keys = ("type", "id", "title", "enabled", "modcount", "max_usages")
    assert {key: answer["0"][key] for key in keys} == {
        "type": "echo",
        "id": 0,
        "title": "",
        "enabled": True,
        "modcount": 0,
        "max_usages": 16,
    }
    assert (answer["0"]["seconds_since_used"], answer["0"]["time_since_used"]) == (0, "Never")
    assert answer["0"]["features"] == ["variation_seed"] and answer["0"]["can_load_models"] is True
    assert answer["0"]["settings"] == {"step_seconds": 0.0, "start_seconds": 0.0, "broken": "", "bytes": 0}
    assert answer["0"]["current_model"] is None
    assert "current_model" not in (await shared_hub.call("ListBackends"))["0"]


async def test_types_come_with_the_schemas_of_their_settings(shared_hub: RunningHub) -> None:
    kinds = {kind["id"]: kind for kind in (await shared_hub.call("ListBackendTypes"))["list"]}
    assert {"echo", "beacon", "diffusers_local"} <= kinds.keys()
    beacon = kinds["beacon"]
    assert (beacon["name"], beacon["description"], beacon["is_standard"]) == (
        "Beacon",
        "Asks a lighthouse.",
        False,
    )
    fields = {field["name"]: field for field in beacon["settings"]}
    assert fields["Address"]["placeholder"] == "host:1" and not fields["Address"]["is_secret"]
    assert fields["Password"]["is_secret"] and fields["GPU_ID"]["type"] == "text"
    assert [fields[name]["type"] for name in ("AllowIdle", "OverQueue", "Patience", "Colour")] == [
        "boolean",
        "integer",
        "decimal",
        "dropdown",
    ]
    assert fields["Colour"]["values"] == fields["Colour"]["value_names"] == ["red", "green"]
    assert fields["Address"]["values"] is None and fields["Address"]["value_names"] is None
    assert {"name", "type", "description", "placeholder", "is_secret"} <= fields["Colour"].keys()


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("AddNewBackend", {}, "type_id"),
        ("AddNewBackend", {"type_id": "sofa"}, "type_id"),
        ("EditBackend", {"title": "x"}, "backend_id"),
        ("EditBackend", {"backend_id": 77, "title": "x", "settings": {}}, "backend_id"),
        ("EditBackend", {"backend_id": 0, "title": "x" * 201, "settings": {}}, "title"),
        ("EditBackend", {"backend_id": 0, "settings": [1]}, "settings"),
        ("EditBackend", {"backend_id": 0, "settings": {"colour": "red"}}, "colour"),
        ("EditBackend", {"backend_id": 0, "settings": {"bytes": "many"}}, "bytes"),
        ("EditBackend", {"backend_id": 0, "settings": {"bytes": [1]}}, "bytes"),
        ("EditBackend", {"backend_id": 0, "settings": {}, "new_id": -2}, "new_id"),
        ("DeleteBackend", {"backend_id": "one"}, "backend_id"),
        ("ToggleBackend", {"backend_id": 0}, "enabled"),
        ("ToggleBackend", {"backend_id": 77, "enabled": True}, "backend_id"),
        ("RestartBackends", {"backend": "77"}, "backend"),
        ("RestartBackends", {"backend": "some"}, "backend"),
        ("FreeBackendMemory", {"backend": "77"}, "backend"),
    ],
)
async def test_what_cannot_be_used_is_named_and_changes_nothing(
    shared_hub: RunningHub, name: str, body: dict[str, Any], field: str
) -> None:
    before = await shared_hub.call("ListBackends")
    answer = await shared_hub.call(name, **body)
    assert answer["field"] == field and answer["error"], answer
    assert await shared_hub.call("ListBackends") == before


async def test_an_engine_is_added_draws_and_is_deleted(shared_hub: RunningHub) -> None:
    new = await shared_hub.call("AddNewBackend", type_id="echo")
    assert (new["id"], new["type"], new["title"], new["modcount"]) == (1, "echo", "", 0)
    await until(shared_hub, 1, "running")
    answer = await shared_hub.call(
        "GenerateText2Image", images=1, prompt="x", steps=1, width=512, height=512, exactbackendid=1
    )
    assert answer.get("images"), answer
    found = (await shared_hub.call("ListBackends"))["1"]
    assert found["time_since_used"].endswith("ago")
    assert await shared_hub.call("DeleteBackend", backend_id=1) == {"result": "Deleted."}
    assert await shared_hub.call("DeleteBackend", backend_id=1) == {"result": "Already didn't exist."}
    assert list(await shared_hub.call("ListBackends")) == ["0"]
    another = await add(shared_hub, "echo")
    assert another == 2  # a number is never used again
    await shared_hub.call("DeleteBackend", backend_id=another)


async def test_an_edit_merges_settings_and_may_move_the_engine(shared_hub: RunningHub) -> None:
    number = await add(shared_hub, "echo")
    answer = await shared_hub.call(
        "EditBackend", backend_id=number, title=" Mine ", settings={"BYTES": "7"}, new_id=30
    )
    assert (answer["id"], answer["title"], answer["settings"]["bytes"], answer["modcount"]) == (
        30,
        "Mine",
        7,
        1,
    )
    answer = await shared_hub.call("EditBackend", backend_id=30, raw={"settings": {"step_seconds": 0.5}})
    assert answer["settings"] == {"step_seconds": 0.5, "start_seconds": 0.0, "broken": "", "bytes": 7}
    assert answer["title"] == "Mine" and list(await shared_hub.call("ListBackends")) == ["0", "30"]
    taken = await shared_hub.call("EditBackend", backend_id=30, title="", settings={}, new_id=0)
    assert taken["field"] == "new_id"
    assert (await shared_hub.call("AddNewBackend", type_id="beacon"))["id"] == 31
    for other in (30, 31):
        await shared_hub.call("DeleteBackend", backend_id=other)


async def test_a_toggle_waits_for_what_is_being_drawn(shared_hub: RunningHub) -> None:
    number = await add(shared_hub, "echo", step_seconds=0.05)
    await until(shared_hub, number, "running")
    drawing = asyncio.create_task(
        shared_hub.call(
            "GenerateText2Image", images=1, prompt="x", steps=20, width=512, height=512, exactbackendid=number
        )
    )
    async with asyncio.timeout(60):
        while not (await shared_hub.call("ListBackends"))[str(number)]["busy"]:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.02)
    toggling = asyncio.create_task(shared_hub.call("ToggleBackend", backend_id=number, enabled=False))
    await asyncio.sleep(0.1)
    found = (await shared_hub.call("ListBackends"))[str(number)]
    assert (found["status"], found["enabled"], found["busy"]) == ("disabled", False, 1)
    assert not toggling.done()
    assert (await drawing).get("images")
    assert await toggling == {"result": "Success."}
    again = await shared_hub.call("ToggleBackend", backend_id=number, enabled="False")
    assert again == {"result": "No change."}
    assert await shared_hub.call("RestartBackends", backend=str(number)) == {"result": "Success.", "count": 0}
    assert await shared_hub.call("ToggleBackend", backend_id=number, enabled=True) == {"result": "Success."}
    await until(shared_hub, number, "running")
    await shared_hub.call("DeleteBackend", backend_id=number)


async def test_changes_of_one_engine_come_one_after_the_other(shared_hub: RunningHub) -> None:
    number = await add(shared_hub, "echo", step_seconds=0.05)
    await until(shared_hub, number, "running")
    drawing = asyncio.create_task(
        shared_hub.call(
            "GenerateText2Image", images=1, prompt="x", steps=10, width=512, height=512, exactbackendid=number
        )
    )
    async with asyncio.timeout(60):
        while not (await shared_hub.call("ListBackends"))[str(number)]["busy"]:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.02)
    asked = [
        asyncio.create_task(shared_hub.call("EditBackend", backend_id=number, **change))
        for change in ({"settings": {"bytes": 3}}, {"title": "Second"}, {"settings": {}, "new_id": 90})
    ]
    await asyncio.sleep(0.1)
    taken = await shared_hub.call("EditBackend", backend_id=0, settings={}, new_id=90)
    assert taken["field"] == "new_id" and not any(task.done() for task in asked)
    first, second, third = await asyncio.gather(*asked)
    assert (await drawing).get("images")
    assert (first["settings"]["bytes"], second["title"], third["id"]) == (3, "Second", 90)
    assert (third["title"], third["settings"]["bytes"], third["modcount"]) == ("Second", 3, 4)
    restarted, gone = await asyncio.gather(
        shared_hub.call("RestartBackends", backend="90"), shared_hub.call("DeleteBackend", backend_id=90)
    )
    assert restarted["result"] == "Success." and gone == {"result": "Deleted."}
    assert list(await shared_hub.call("ListBackends")) == ["0"]


async def test_an_errored_engine_says_why_hides_no_other_and_heals(shared_hub: RunningHub) -> None:
    number = await add(shared_hub, "echo", broken="The moon is missing.")
    found = await until(shared_hub, number, "errored")
    assert found["reason"] == "The moon is missing."
    status = (await shared_hub.call("GetCurrentStatus"))["backend_status"]
    assert (status["status"], status["class"]) == ("running", "")
    lines = await shared_hub.http.get(
        f"/hub/v1/backends/lines?backend_id={number}", headers={"X-Session-ID": shared_hub.session}
    )
    assert any("moon" in line["text"] for line in lines.json()["lines"])
    session = await shared_hub.session_as("user")
    refused = await shared_hub.http.get(
        f"/hub/v1/backends/lines?backend_id={number}", headers={"X-Session-ID": session}
    )
    assert refused.json()["permission"] == "view_logs"
    restarted = await shared_hub.call("RestartBackends", backend=str(number))
    assert restarted == {"result": "Success.", "count": 1}
    await shared_hub.call("EditBackend", backend_id=number, title="", settings={"broken": ""})
    await until(shared_hub, number, "running")
    await shared_hub.call("DeleteBackend", backend_id=number)


async def test_an_engine_elsewhere_comes_to_life_and_its_secret_is_never_shown(
    shared_hub: RunningHub,
) -> None:
    house = Lighthouse()
    await house.light()
    number = (await shared_hub.call("AddNewBackend", type_id="beacon"))["id"]
    found = await until(shared_hub, number, "errored")
    assert found["reason"] == "The address of the lighthouse is missing; set Address."
    assert found["settings"]["Password"] == "" and found["max_usages"] == 1
    answer = await shared_hub.call(
        "EditBackend", backend_id=number, settings={"Address": house.address, "Password": "open sesame"}
    )
    assert answer["settings"]["Password"] == MASK and answer["settings"]["Address"] == house.address
    found = await until(shared_hub, number, "running")
    assert (found["device"], found["max_usages"], found["features"]) == ("lamp", 3, ["variation_seed"])
    assert "sesame" not in json.dumps(await shared_hub.call("ListBackends", full_data=True))
    assert house.heard[-1].startswith("hello open sesame")

    await shared_hub.call("EditBackend", backend_id=number, settings={"Password": MASK, "OverQueue": 3})
    await until(shared_hub, number, "running")
    assert house.heard[-1].startswith("hello open sesame")
    refused = await shared_hub.call("EditBackend", backend_id=number, settings={"Password": "sesame" * 20})
    assert refused["field"] == "Password" and "sesame" not in refused["error"]
    limits = await shared_hub.call("EditBackend", backend_id=number, settings={"OverQueue": 10})
    assert limits["limit"] == {"min": 0, "max": 9}
    words = "Beacon: the setting 'Over queue' (OverQueue) takes a whole number from 0 to 9, not '10'."
    assert limits["error"] == words
    secret = await shared_hub.call("EditBackend", backend_id=number, settings={"Password": "s" * 51})
    assert "'Password' takes text of at most 50 characters." in secret["error"]
    assert (await shared_hub.call("FreeBackendMemory", backend=str(number)))["count"] == 1
    await house.until_heard('"free"')

    cleared = await shared_hub.call("EditBackend", backend_id=number, settings={"Password": None})
    assert cleared["settings"]["Password"] == ""
    await until(shared_hub, number, "running")
    await shared_hub.call("DeleteBackend", backend_id=number)
    await house.darken()


async def test_what_is_set_up_survives_a_restart_with_secrets_closed_away(tmp_path: Path) -> None:
    async with running(tmp_path, SETTINGS) as hub:
        number = await add(hub, "beacon", Address="127.0.0.1:9", Password="open sesame", AllowIdle=True)
        await hub.call("EditBackend", backend_id=0, title="First", settings={"bytes": 5})
        await hub.call("ToggleBackend", backend_id=0, enabled=False)
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("hub.sqlite3*"))
    assert b"127.0.0.1:9" in raw and b"sesame" not in raw
    assert (tmp_path / "keys" / "engines.key").stat().st_mode & 0o077 == 0

    async with running(tmp_path, {**SETTINGS, "engines.types": "echo,echo"}) as hub:
        listed = await hub.call("ListBackends")
        assert list(listed) == ["0", str(number)]
        assert (listed["0"]["title"], listed["0"]["enabled"], listed["0"]["status"]) == (
            "First",
            False,
            "disabled",
        )
        assert listed["0"]["settings"]["bytes"] == 5
        assert listed[str(number)]["settings"]["Password"] == MASK
        assert listed[str(number)]["settings"]["AllowIdle"] is True
        await hub.call("DeleteBackend", backend_id=0)
        await hub.call("DeleteBackend", backend_id=number)

    async with running(tmp_path, SETTINGS) as hub:
        assert await hub.call("ListBackends") == {}
        status = (await hub.call("GetCurrentStatus"))["backend_status"]
        assert (status["status"], status["class"]) == ("empty", "error")


async def test_a_secret_in_the_settings_is_closed_away_too(tmp_path: Path) -> None:
    line = "beacon address=127.0.0.1:9 PASSWORD=open-sesame"
    async with running(tmp_path, {**SETTINGS, "engines.types": line}) as hub:
        settings = (await hub.call("ListBackends"))["0"]["settings"]
        assert (settings["Address"], settings["Password"]) == ("127.0.0.1:9", MASK)
    assert not any(b"sesame" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


async def test_a_lost_key_file_costs_the_secrets_only(tmp_path: Path) -> None:
    async with running(tmp_path, SETTINGS) as hub:
        await add(hub, "beacon", Address="127.0.0.1:9", Password="open sesame")
    (tmp_path / "keys" / "engines.key").unlink()
    async with running(tmp_path, SETTINGS) as hub:
        settings = (await hub.call("ListBackends"))["1"]["settings"]
        assert (settings["Address"], settings["Password"]) == ("127.0.0.1:9", "")


async def test_an_engine_whose_type_has_gone_can_only_be_removed(tmp_path: Path) -> None:
    async with running(tmp_path, SETTINGS) as hub:
        await add(hub, "beacon", Address="127.0.0.1:9")
    async with running(tmp_path, {"engines.types": "echo"}) as hub:
        found = (await hub.call("ListBackends"))["1"]
        assert found["status"] == "errored" and "remove it" in found["reason"]
        assert (await hub.call("EditBackend", backend_id=1, title="x"))["field"] == "backend_id"
        assert (await hub.call("RestartBackends"))["count"] == 0
        assert await hub.call("DeleteBackend", backend_id=1) == {"result": "Deleted."}
        assert list(await hub.call("ListBackends")) == ["0"]


async def test_locked_settings_are_changed_by_nobody(tmp_path: Path) -> None:
    async with running(tmp_path, {**SETTINGS, "engines.locked": "true"}) as hub:
        before = await hub.call("ListBackends")
        for name, (_, body) in MUTATING.items():
            assert await hub.call(name, **body) == {"error": "Settings are locked."}, name
        assert await hub.call("ListBackends") == before

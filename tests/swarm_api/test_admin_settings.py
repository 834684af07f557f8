"""The server's settings over the API: listed with texts, changed whole or not at all, kept in the file."""

import asyncio
import logging
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.accounts import Accounts
from hub.server_settings import ServerSettings
from hub.settings import FILE, Settings, fields_of, load
from hub.wire import Ending
from tests.hub.running import RunningHub, running
from tests.swarm_api.receiving import receiving
from tests.swarm_api.sketching import SMALL, sketching


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
        assert answer["needs_restart"] == ["outputs.append_user"]
        assert answer["at_once"] == ["limits.images", "limits.prompt_kib"]
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
        assert (answer["at_once"], answer["needs_restart"]) == (["limits.loras"], [])
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


# ---- what holds at once ------------------------------------------------------------------------------------


@pytest.fixture
def log_level() -> Iterator[None]:
    """The level of the log is the whole process's."""
    before = logging.getLogger().level
    yield
    logging.getLogger().setLevel(before)


async def register(hub: RunningHub, name: str) -> Any:
    answer = await hub.post("/API/RegisterBasic", {"username": name, "password": "a long password"})
    return answer.json()


async def test_registration_opens_and_closes_at_once(hub: RunningHub) -> None:
    assert "error_id" not in await register(hub, "first_owner")  # the first one on this machine owns the hub
    assert (await register(hub, "ann"))["error_id"] == "registration_failed"
    answer = await change(hub, accounts__allow_registration=True, accounts__new_user_role="guest")
    assert answer["at_once"] == ["accounts.allow_registration", "accounts.new_user_role"]
    assert "error_id" not in await register(hub, "ann")
    assert (await hub.call("AdminGetUserInfo", name="ann"))["roles"] == ["guest"]
    await change(hub, accounts__allow_registration=False)
    assert (await register(hub, "bob"))["error_id"] == "registration_failed"


async def test_nobody_is_locked_out_or_raised_by_a_setting(hub: RunningHub) -> None:
    answer = await change(hub, accounts__required=True)
    assert answer["field"] == "accounts.required" and "no owner has a password" in answer["error"]
    answer = await change(hub, accounts__new_user_role="nobody_such")
    assert answer["field"] == "accounts.new_user_role" and "guest" in answer["limit"]
    admin = await hub.session_as("admin")
    answer = await hub.call(
        "ChangeServerSettings", session_id=admin, settings={"accounts.new_user_role": "owner"}
    )
    assert answer["error_id"] == "bad_permissions"
    answer = await hub.call(
        "ChangeServerSettings", session_id=admin, settings={"accounts.new_user_role": "guest"}
    )
    assert answer["success"]


async def test_limits_hold_at_once(hub: RunningHub) -> None:
    await change(hub, limits__images=2, limits__prompt_kib=1)
    answer = await hub.call("GenerateText2Image", **{**SMALL, "model": "starter", "prompt": "x", "images": 3})
    assert (answer["field"], answer["limit"]) == ("images", 2)
    answer = await hub.call("GenerateText2Image", **{**SMALL, "model": "starter", "prompt": "x" * 2000})
    assert answer["field"] == "prompt"


@sketching
async def test_the_length_of_the_line_holds_at_once(hub: RunningHub) -> None:
    await change(hub, limits__waiting_images=2)
    answer = await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red", "images": 3})
    assert "error" in answer and answer["limit"] == 2


async def test_the_level_of_the_log_holds_at_once(hub: RunningHub, log_level: None) -> None:
    assert (await change(hub, log__level="debug"))["at_once"] == ["log.level"]
    assert logging.getLogger().level == logging.DEBUG
    await change(hub, log__level="error")
    assert logging.getLogger().level == logging.ERROR


async def test_locking_the_engines_holds_at_once(hub: RunningHub) -> None:
    await change(hub, engines__locked=True)
    assert "error" in await hub.call("AddNewBackend", type_id="diffusers_local")


@sketching
async def test_the_servers_webhooks_hold_at_once(hub: RunningHub) -> None:
    async with receiving() as receiver:
        url = receiver.url
        await change(hub, webhooks__every_gen=url, webhooks__every_gen_data='{"prompt": "%prompt%"}')
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red"})
        await receiver.until(lambda calls: calls, seconds=60)
        assert receiver.calls[0].json == {"prompt": "red"}
        await change(hub, webhooks__every_gen="", webhooks__queue_start=url)
        await hub.call("GenerateText2Image", **{**SMALL, "prompt": "blue"})
        await receiver.until(lambda calls: len(calls) == 2, seconds=60)
        assert receiver.calls[1].body == b"{}"


@sketching
async def test_an_image_that_waits_for_a_webhook_goes_on_when_it_is_taken_away(hub: RunningHub) -> None:
    async with receiving() as receiver:
        receiver.free.clear()
        await change(hub, webhooks__queue_start=receiver.url)
        drawing = asyncio.create_task(hub.call("GenerateText2Image", **{**SMALL, "prompt": "red"}))
        await receiver.until(lambda calls: calls, seconds=60)
        assert not drawing.done()
        await change(hub, webhooks__queue_start="")
        async with asyncio.timeout(60):
            assert len((await drawing)["images"]) == 1


async def test_whoever_must_be_controlled_ends_without_it(hub: RunningHub) -> None:
    assert (await hub.call("AdminTakeControl"))["success"] and not hub.room(Ending).asked
    await change(hub, network__control_seconds=0.05)
    async with asyncio.timeout(60):
        while not hub.room(Ending).asked:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert hub.room(Ending).code == 0


async def test_a_change_that_changes_nothing_is_told_to_nobody(tmp_path: Path) -> None:
    told: list[frozenset[str]] = []
    server = ServerSettings(load(tmp_path), {})
    server.on_change(told.append)
    await server.change({"limits.images": 10000})
    await server.change({"limits.images": 7, "outputs.append_user": False})
    assert told == [frozenset({"limits.images"})]


async def test_what_the_command_line_sets_does_not_change(tmp_path: Path) -> None:
    chosen = load(tmp_path, {"limits.images": "5"})
    answer = await ServerSettings(chosen, {}).change({"limits.images": 7})
    assert (answer.at_once, answer.overruled) == ([], {"limits.images": "command line"})
    assert chosen.limits.images == 5


async def test_host_names_are_let_in_at_once(hub: RunningHub) -> None:
    async def status() -> int:
        body = {"session_id": hub.session}
        return (await hub.post("/API/GetCurrentStatus", body, Host="hub.example")).status_code

    assert await status() == 421
    await change(hub, network__hosts=["hub.example"])
    assert await status() == 200
    await change(hub, network__hosts=[])
    assert await status() == 421


async def test_where_downloads_may_come_from_holds_at_once(hub: RunningHub) -> None:
    async def refusal() -> Any:
        url = "https://127.0.0.1:9/some.safetensors"
        frames = await hub.talk("DoModelDownloadWS", url=url, type="Stable-Diffusion", name="some")
        return frames[-1]

    assert "downloads.hosts" in (await refusal())["error"]
    await change(hub, downloads__hosts=["127.0.0.1"], downloads__leave_free_gib=1)
    assert "downloads.hosts" not in (await refusal())["error"], "it is called, and cannot be reached"


async def test_a_path_taken_from_the_data_folder_is_still_the_files(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('[network]\ntls_cert = "cert.pem"\n')
    listed = ServerSettings(load(tmp_path), {}).listing()["network"]["value"]
    assert listed["tls_cert"]["fixed_by"] == "" and listed["tls_cert"]["value"] == "cert.pem"


async def test_every_setting_that_acts_at_once_is_tried_here_or_named(hub: RunningHub) -> None:
    """Those of a kind are tried by one of them; a new one is added here with its test."""
    settings = (await hub.call("ListServerSettings"))["settings"]
    found = {
        f"{section}.{name}"
        for section, group in settings.items()
        for name, entry in group["value"].items()
        if not entry["needs_restart"]
    }
    read_when_needed = ("limits.", "webhooks.", "safety.")
    assert {key for key in found if not key.startswith(read_when_needed)} == {
        "network.hosts",
        "network.first_frame_seconds",
        "network.outbox_mib",
        "network.control_seconds",
        "accounts.required",
        "accounts.localhost_bypass",
        "accounts.allow_registration",
        "accounts.new_user_role",
        "engines.locked",
        "engines.default_model",
        "engines.stuck_seconds",
        "models.metadata",
        "downloads.hosts",
        "downloads.delivery_hosts",
        "downloads.private_addresses",
        "downloads.leave_free_gib",
        "log.level",
        "log.paste_address",
        "updates.allowed",
        "updates.seconds",
    } | {key for key in found if key.startswith(("openid", "google"))}

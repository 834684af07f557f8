"""GetNewSession, Logout, GetMyUserData, GetCurrentStatus, InterruptAll, ServerDebugMessage over HTTP."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from hub.accounts import Accounts
from permissions import FLAGS
from tests.hub.running import RunningHub, running


class TestGetNewSession:
    async def test_it_answers_all_that_a_client_needs_to_begin(self, hub: RunningHub) -> None:
        first, second = [(await hub.post("/API/GetNewSession", {})).json() for _ in range(2)]
        assert re.fullmatch(r"[0-9A-F]{40}", first["session_id"])
        assert first["session_id"] != second["session_id"]
        assert (first["user_id"], first["output_append_user"]) == ("local", True)
        assert first["permissions"] == sorted(FLAGS)
        assert first["version"] == second["version"]
        assert first["server_id"] == second["server_id"]
        assert first.keys() == {
            "session_id",
            "user_id",
            "output_append_user",
            "version",
            "server_id",
            "permissions",
            "servers",
        }
        assert first["servers"] == []

    async def test_a_client_may_send_an_empty_or_dead_session_id_along(self, hub: RunningHub) -> None:
        answer = (await hub.post("/api/getnewsession", {"session_id": ""})).json()
        assert "error" not in answer

    async def test_a_forwarded_caller_has_to_sign_in(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/GetNewSession", {}, **{"X-Forwarded-For": "127.0.0.1"})
        assert answer.status_code == 200
        assert answer.json()["error"] == "Invalid or unauthorized."
        assert "error_id" not in answer.json()

    async def test_no_header_chooses_the_user(self, hub: RunningHub) -> None:
        await hub.room(Accounts).users.add("ann", roles=("owner",))
        answer = await hub.post("/API/GetNewSession", {}, **{"X-SWARM-USER_ID": "ann"})
        assert answer.json()["user_id"] == "local"

    async def test_acting_as_another_user_needs_the_flag_and_the_user(self, hub: RunningHub) -> None:
        accounts = hub.room(Accounts)
        await accounts.users.add("ann", roles=("guest",))
        await accounts.users.add("boss", roles=("admin",))
        as_ann = (await hub.post("/API/GetNewSession", {"impersonateUser": "ann"})).json()
        assert as_ann["user_id"] == "ann"
        assert as_ann["permissions"] == sorted(accounts.users.grants("ann")[0])
        nobody = (await hub.post("/API/GetNewSession", {"impersonateUser": "nobody"})).json()
        assert nobody["error_id"] == "bad_impersonate"
        token = await accounts.tokens.create("boss", "test")
        refused = await hub.post(
            "/API/GetNewSession", {"impersonateUser": "ann"}, Authorization=f"Bearer {token}"
        )
        assert refused.json()["error_id"] == "bad_impersonate"
        assert refused.json()["permission"] == "manage_users"

    @pytest.mark.hub_settings("accounts.required=true", "accounts.localhost_bypass=false")
    async def test_with_accounts_required_nobody_gets_in_without_a_token(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/GetNewSession", {}, Cookie="swarm_token=6c6f63616c.x.y")
        assert (answer.status_code, answer.json()["error"]) == (200, "Invalid or unauthorized.")


async def test_sessions_survive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path / "data", {}) as hub:
        session = hub.session
        server = (await hub.post("/API/GetNewSession", {})).json()
    async with running(tmp_path / "data", {}) as hub:
        answer = await hub.call("GetMyUserData", session_id=session)
        assert answer["user_name"] == "local"
        assert (await hub.post("/API/GetNewSession", {})).json()["version"] == server["version"]


class TestGetMyUserData:
    async def test_a_dead_session_is_told_so_with_401(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/GetMyUserData", {"session_id": "F" * 40})
        assert answer.status_code == 401
        assert answer.json() == {
            "error_id": "invalid_session_id",
            "error": "Invalid session ID. You may need to refresh the page.",
        }

    async def test_it_has_everything_the_user_keeps(self, hub: RunningHub) -> None:
        await hub.call("SetStarredModels", LoRA=["one.safetensors"])
        await hub.call("SetPresetLinks", **{"Stable-Diffusion": {"starter": ["Nice"]}})
        await hub.call("ChangeUserSettings", settings={"language": "en"})
        answer = await hub.call("GetMyUserData")
        assert answer == {
            "user_name": "local",
            "presets": [],
            "language": "en",
            "permissions": sorted(FLAGS),
            "starred_models": {"LoRA": ["one.safetensors"]},
            "model_preset_links": {"Stable-Diffusion": {"starter": ["Nice"]}},
            "autocompletions": None,
        }

    async def test_words_to_complete_come_from_the_chosen_list(self, hub: RunningHub) -> None:
        folder = hub.app.board.settings.folders.data / "autocompletions"
        folder.mkdir()
        (folder / "tags.csv").write_text("cat_(animal),0,12,kitty\n")
        offered = (await hub.call("GetUserSettings"))["settings"]["autocomplete"]["value"]["source"]
        assert offered["values"] == ["", "tags.csv"]
        wanted = {"autocomplete.source": "tags.csv", "autocomplete.spacingmode": "Spaces"}
        await hub.call("ChangeUserSettings", settings=wanted)
        answer = await hub.call("GetMyUserData")
        assert answer["autocompletions"] == ["cat (animal)\ncat \\(animal\\)\n0\n12\nkitty"]
        (folder / "tags.csv").unlink()
        assert (await hub.call("GetMyUserData"))["autocompletions"] is None

    async def test_users_do_not_see_each_others(self, hub: RunningHub) -> None:
        await hub.call("SetStarredModels", LoRA=["mine"])
        other = await hub.session_as("user")
        assert (await hub.call("GetMyUserData", session_id=other))["starred_models"] == {}


class TestStatus:
    async def test_it_has_the_documented_shape(self, hub: RunningHub) -> None:
        answer = await hub.call("GetCurrentStatus", do_debug=True)
        assert answer["status"] == {
            "waiting_gens": 0,
            "loading_models": 0,
            "waiting_backends": 0,
            "live_gens": 0,
        }
        assert answer["backend_status"].keys() == {"status", "class", "message", "any_loading"}
        assert isinstance(answer["supported_features"], list)

    @pytest.mark.parametrize("how", [{}, {"other_sessions": True}, {"other_sessions": "TRUE"}])
    async def test_interrupting_nothing_is_a_success(self, hub: RunningHub, how: dict[str, object]) -> None:
        assert await hub.call("InterruptAll", **how) == {"success": True}

    async def test_one_is_not_a_boolean(self, hub: RunningHub) -> None:
        answer = await hub.call("InterruptAll", other_sessions=1)
        assert answer["error"] == "Invalid value '1' for parameter 'other_sessions', must be type 'Boolean'"

    async def test_a_debug_message_cannot_forge_a_log_line(
        self, hub: RunningHub, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        assert await hub.call("ServerDebugMessage", message="one\nERROR two") == {"success": True}
        assert "one\\nERROR two" in caplog.text
        too_long = await hub.call("ServerDebugMessage", message="x" * 5000)
        assert (too_long["field"], too_long["limit"]) == ("message", 4096)


async def test_logging_out_ends_the_tokens_sessions_and_closes_their_sockets(hub: RunningHub) -> None:
    accounts = hub.room(Accounts)
    await accounts.users.add("ann", roles=("user",))
    token = await accounts.tokens.create("ann", "test")
    asked = [await hub.post("/API/GetNewSession", {}, Cookie=f"swarm_token={token}") for _ in range(2)]
    here, there = [answer.json()["session_id"] for answer in asked]
    async with hub.socket("/API/GenerateText2ImageWS") as socket:
        await socket.send(json.dumps({"session_id": there, "images": 1, "model": "no such model"}))
        first = json.loads(await asyncio.wait_for(socket.recv(), 60))
        assert first.get("error_id") != "invalid_session_id"
        left = await hub.post("/API/Logout", {"session_id": here}, Cookie=f"swarm_token={token}")
        assert left.json() == {"success": "true"}
        assert "swarm_token=;" in left.headers["set-cookie"]
        frames = [json.loads(frame) async for frame in socket]
    assert frames[-1].get("error_id") == "invalid_session_id"
    for session in (here, there):
        assert (await hub.post("/API/GetMyUserData", {"session_id": session})).status_code == 401
    again = await hub.post("/API/GetNewSession", {}, Authorization=f"Bearer {token}")
    assert again.json()["error"] == "Invalid or unauthorized."


async def test_without_accounts_there_is_nothing_to_log_out_of(hub: RunningHub) -> None:
    bare = await hub.room(Accounts).sessions.issue("local")
    answer = await hub.call("Logout", session_id=bare)
    assert answer["error"] == "Authorization is not enabled, you have no account to log out of."
    assert "error" not in await hub.call("GetMyUserData")

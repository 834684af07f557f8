"""Tokens with some of their user's permissions and an end; sessions listed and ended by their user."""

from typing import Any

import pytest

from hub.accounts import Governing, Sessions, Tokens
from hub.accounts.caller import Caller, Limits
from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")
OWNER = Caller("the owner", "", frozenset({"*"}), Limits())
READ = "read_user_settings"
EDIT = "edit_user_settings"


class Person:
    """A user with a signed-in session, and what he makes."""

    def __init__(self, hub: RunningHub, name: str, session: str) -> None:
        self.hub, self.name, self.session = hub, name, session

    async def token(self, session: str = "", **wanted: Any) -> Any:
        """The answer of CreateAuthToken."""
        return await self.hub.call(
            "CreateAuthToken", session_id=session or self.session, reason="bot", **wanted
        )

    async def session_by(self, **wanted: Any) -> str:
        """A session made with a new token."""
        text = (await self.token(**wanted))["token"]
        return await self.session_with(text)

    async def session_with(self, text: str) -> str:
        answer = await self.hub.post("/API/GetNewSession", {}, Authorization=f"Bearer {text}")
        return str(answer.json()["session_id"])


async def person(hub: RunningHub, role: str = "user") -> Person:
    session = await hub.session_as(role)
    caller = hub.room(Sessions).find(session)
    assert caller is not None
    signed = await hub.room(Tokens).sign_in(caller.user, user_agent="a browser")
    answer = await hub.post(
        "/API/GetNewSession", {}, Authorization=f"Bearer {signed}", **{"User-Agent": "one"}
    )
    await hub.room(Sessions).end(session)
    return Person(hub, caller.user, answer.json()["session_id"])


class TestSomeFlags:
    async def test_an_unknown_flag_is_named(self, shared_hub: RunningHub) -> None:
        ann = await person(shared_hub)
        answer = await ann.token(flags=["fly"])
        assert (answer["error"], answer["field"]) == ("There is no permission 'fly'.", "flags")
        assert (await ann.token(flags=[]))["field"] == "flags"
        assert (await ann.token(flags=[READ], expires_in=-1))["field"] == "expires_in"

    async def test_nobody_gives_what_they_lack(self, shared_hub: RunningHub) -> None:
        ann = await person(shared_hub)
        for flag in ("manage_users", "*"):
            answer = await ann.token(flags=[READ, flag])
            assert (answer["error_id"], answer["permission"]) == ("bad_permissions", flag)

    async def test_it_has_those_and_no_others(self, shared_hub: RunningHub) -> None:
        ann = await person(shared_hub)
        text = (await ann.token(flags=[READ, "view_image_history"]))["token"]
        answer = await shared_hub.post("/API/GetNewSession", {}, Authorization=f"Bearer {text}")
        assert answer.json()["permissions"] == [READ, "view_image_history"]
        session = answer.json()["session_id"]
        assert "settings" in await shared_hub.call("GetUserSettings", session_id=session)
        assert (await ann.token(session))["permission"] == EDIT
        gone = await shared_hub.call("RevokeMyAuthToken", session_id=session, tokenId=text.split(".")[1])
        assert gone["permission"] == EDIT
        listed = (await shared_hub.call("ListMyAuthTokens", session_id=session))["tokens"]
        assert [(entry["flags"], entry["expires"], entry["is_current"]) for entry in listed] == [
            ([READ, "view_image_history"], 0, True),
            (None, listed[1]["expires"], False),
        ]

    async def test_the_star_stands_for_all_on_both_sides(self, shared_hub: RunningHub) -> None:
        owner = await person(shared_hub, "owner")
        whole = await owner.session_by(flags=["*"])
        assert "users" in await shared_hub.call("AdminListUsers", session_id=whole)
        part = await owner.session_by(flags=["manage_users"])
        assert "users" in await shared_hub.call("AdminListUsers", session_id=part)
        assert (await shared_hub.call("AdminListRoles", session_id=part))["permission"] == "configure_roles"
        answer = await shared_hub.call(
            "AdminSetUserPassword", session_id=part, name=owner.name, password="x" * 9
        )
        assert answer["error_id"] == "bad_permissions"

    async def test_a_lost_role_takes_the_flag_from_the_token_too(self, shared_hub: RunningHub) -> None:
        ann = await person(shared_hub)
        session = await ann.session_by(flags=[READ, EDIT])
        await shared_hub.room(Governing).change_settings(OWNER, ann.name, {"roles": ["guest"]})
        assert (await shared_hub.call("ChangeUserSettings", session_id=session, settings={}))[
            "permission"
        ] == EDIT
        assert "settings" in await shared_hub.call("GetUserSettings", session_id=session)

    async def test_a_token_gives_no_more_than_it_has(self, shared_hub: RunningHub) -> None:
        ann = await person(shared_hub)
        session = await ann.session_by(flags=[READ, EDIT], expires_in=1000)
        assert (await ann.token(session, flags=[READ, "manage_presets"]))["permission"] == "manage_presets"
        assert (await ann.token(session, expires_in=2000))["field"] == "expires_in"
        text = (await ann.token(session))["token"]
        row = shared_hub.room(Tokens).check(text)
        assert row is not None
        assert row.flags == (EDIT, READ)
        assert 0 < row.expires <= shared_hub.room(Tokens).now() + 1_000_000

    async def test_it_cannot_open_the_rest_by_a_password(self, shared_hub: RunningHub) -> None:
        ann = await person(shared_hub)
        session = await ann.session_by(flags=[EDIT])
        answer = await shared_hub.call(
            "ChangePassword", session_id=session, oldPassword="", newPassword="x" * 9
        )
        assert answer["permission"] == "*"

    async def test_it_cannot_act_as_somebody_with_more(self, shared_hub: RunningHub) -> None:
        owner, admin = await person(shared_hub, "owner"), await person(shared_hub, "admin")
        text = (await owner.token(flags=["manage_users", READ]))["token"]
        answer = await shared_hub.post(
            "/API/GetNewSession", {"impersonateUser": admin.name}, Authorization=f"Bearer {text}"
        )
        assert answer.json()["error_id"] == "bad_impersonate"

    async def test_it_counts_for_files_and_get_routes(self, shared_hub: RunningHub) -> None:
        ann = await person(shared_hub)
        text = (await ann.token(flags=[EDIT]))["token"]
        headers = {"Authorization": f"Bearer {text}"}
        answer = await shared_hub.http.get("/hub/v1/sessions", headers=headers)
        assert (answer.status_code, answer.json()["permission"]) == (400, READ)
        answer = await shared_hub.http.get(f"/View/{ann.name}/a.png", headers=headers)
        assert answer.json()["permission"] == "fundamental"


class TestAnEnd:
    async def test_the_list_tells_it(self, shared_hub: RunningHub) -> None:
        ann = await person(shared_hub)
        await ann.token(expires_in=500)
        listed = (await shared_hub.call("ListMyAuthTokens", session_id=ann.session))["tokens"]
        entry = next(entry for entry in listed if entry["user_agent"] == "bot")
        assert entry["expires"] in (entry["created"] + 500, entry["created"] + 501)
        assert entry["is_expired"] is False

    async def test_the_word_of_sign_ins_is_theirs(self, shared_hub: RunningHub) -> None:
        ann = await person(shared_hub)
        answer = await shared_hub.call("CreateAuthToken", session_id=ann.session, reason="sign-in")
        assert answer["field"] == "reason"


class TestSessions:
    async def listed(self, ann: Person, session: str = "") -> list[dict[str, Any]]:
        headers = {"X-Session-ID": session or ann.session}
        answer = await ann.hub.http.get("/hub/v1/sessions", headers=headers)
        found: list[dict[str, Any]] = answer.json()["sessions"]
        return found

    async def test_the_list_names_what_made_each(self, shared_hub: RunningHub) -> None:
        ann = await person(shared_hub)
        await ann.session_by()
        entries = await self.listed(ann)
        assert {(entry["by"], entry["is_current"]) for entry in entries} == {
            ("sign-in", True),
            ("token bot", False),
        }
        assert {entry["client"] for entry in entries if entry["is_current"]} == {"one"}
        assert all(entry["address"].startswith("127.0.0.1") for entry in entries)
        assert ann.session not in str(entries)

    async def test_one_can_be_ended_and_nobody_elses(self, shared_hub: RunningHub) -> None:
        ann, bob = await person(shared_hub), await person(shared_hub)
        other = await ann.session_by()
        (entry,) = [entry for entry in await self.listed(ann) if not entry["is_current"]]
        answer = await shared_hub.post("/hub/v1/sessions/end", {"session_id": bob.session, "id": entry["id"]})
        assert answer.json()["field"] == "id"
        answer = await shared_hub.post("/hub/v1/sessions/end", {"session_id": ann.session, "id": entry["id"]})
        assert answer.json() == {"success": True}
        assert (await shared_hub.post("/API/GetUserSettings", {"session_id": other})).status_code == 401
        assert [entry["is_current"] for entry in await self.listed(ann)] == [True]

    async def test_all_others_go_with_the_sign_ins_behind_them(self, shared_hub: RunningHub) -> None:
        ann = await person(shared_hub)
        elsewhere = await shared_hub.room(Tokens).sign_in(ann.name)
        theirs = await ann.session_with(elsewhere)
        bot = (await ann.token())["token"]
        bots = await ann.session_with(bot)
        answer = await shared_hub.post("/hub/v1/sessions/end_others", {"session_id": ann.session})
        assert answer.json() == {"ended": 2, "success": True}
        for session in (theirs, bots):
            assert (await shared_hub.post("/API/GetUserSettings", {"session_id": session})).status_code == 401
        again = await shared_hub.post("/API/GetNewSession", {}, Authorization=f"Bearer {elsewhere}")
        assert again.json()["error"] == "Invalid or unauthorized."
        assert await ann.session_with(bot)
        answer = await shared_hub.post(
            "/hub/v1/sessions/end_others", {"session_id": ann.session, "tokens": True}
        )
        assert answer.json()["ended"] == 1
        again = await shared_hub.post("/API/GetNewSession", {}, Authorization=f"Bearer {bot}")
        assert again.json()["error"] == "Invalid or unauthorized."

    async def test_an_administrator_ends_those_of_users_within_reach(self, shared_hub: RunningHub) -> None:
        ann, owner = await person(shared_hub), await person(shared_hub, "owner")
        path = "/hub/v1/users/sessions"
        answer = await shared_hub.post(path, {"session_id": ann.session, "name": owner.name})
        assert answer.json()["permission"] == "manage_users"
        part = await owner.session_by(flags=["manage_users"])
        answer = await shared_hub.post(path, {"session_id": part, "name": ann.name})
        assert answer.json()["error_id"] == "bad_permissions"
        answer = await shared_hub.post(path, {"session_id": owner.session, "name": "nobody_here"})
        assert answer.json()["field"] == "name"
        answer = await shared_hub.post(path, {"session_id": owner.session, "name": ann.name})
        (entry,) = answer.json()["sessions"]
        ask = {"session_id": owner.session, "name": ann.name}
        assert (await shared_hub.post(f"{path}/end", {**ask, "id": "x"})).json()["field"] == "id"
        assert (await shared_hub.post(f"{path}/end", {**ask, "id": entry["id"]})).json()["ended"] == 1
        assert (await shared_hub.post("/API/GetUserSettings", {"session_id": ann.session})).status_code == 401
        assert (await shared_hub.post(f"{path}/end", ask)).json() == {"ended": 0, "success": True}

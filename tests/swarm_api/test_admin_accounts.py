"""Accounts and roles as an administrator changes them: nobody gives or takes more than they hold."""

import asyncio
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from hub.accounts import Accounts
from permissions import FLAGS, ROLES, Role
from tests.hub.running import RunningHub

ROLE: dict[str, Any] = {
    "name": "painters",
    "description": "They paint.",
    "max_outpath_depth": 3,
    "max_t2i_simultaneous": 4,
    "allow_unsafe_outpaths": False,
    "model_whitelist": "cats/, dogs/",
    "model_blacklist": "",
    "permissions": "fundamental, basic_image_generation",
}


@pytest_asyncio.fixture
async def deputy(hub: RunningHub) -> str:
    """A session of somebody who may manage users and roles, but lacks `shutdown`."""
    flags = FLAGS.keys() - {"*", "shutdown"}
    await hub.room(Accounts).roles.put(Role("deputy", "Deputy", flags=frozenset(flags)))
    return await hub.session_as("deputy")


async def added(hub: RunningHub, name: str = "anna", role: str = "user") -> None:
    answer = await hub.call("AdminAddUser", name=name, password="a good password", role=role)
    assert answer == {"success": True}


class TestUsers:
    async def test_added_listed_told_of_and_signed_in(self, hub: RunningHub) -> None:
        await added(hub)
        assert (await hub.call("AdminListUsers"))["users"] == ["anna", "local"]
        told = await hub.call("AdminGetUserInfo", name="anna")
        assert (told["user_id"], told["roles"], told["password_set_by_admin"]) == ("anna", ["user"], True)
        assert told["max_t2i"] == ROLES["user"].max_t2i_simultaneous and "theme" in told["settings"]
        answer = await hub.http.post("/API/Login", json={"username": "anna", "password": "a good password"})
        assert answer.json()["success"] == "true"

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"name": "ab"}, "name"),
            ({"name": "a" * 71}, "name"),
            ({"name": "owner"}, "name"),
            ({"name": "9lives"}, "name"),
            ({"password": "short"}, "password"),
            ({"password": "x" * 501}, "password"),
            ({"role": "nobody"}, "role"),
        ],
    )
    async def test_what_cannot_be_is_named_and_adds_nobody(
        self, hub: RunningHub, given: dict[str, str], field: str
    ) -> None:
        asked = {"name": "anna", "password": "a good password", "role": "user"} | given
        assert (await hub.call("AdminAddUser", **asked))["field"] == field
        assert (await hub.call("AdminListUsers"))["users"] == ["local"]

    async def test_a_name_is_given_once(self, hub: RunningHub) -> None:
        await added(hub)
        answer = await hub.call("AdminAddUser", name="Anna!", password="a good password", role="user")
        assert "already" in answer["error"]

    async def test_a_new_password_ends_every_way_in(self, hub: RunningHub) -> None:
        await added(hub)
        session = await hub.room(Accounts).sessions.issue("anna")
        assert (await hub.call("AdminSetUserPassword", name="anna", password="another one!"))["success"]
        answer = await hub.call("GetCurrentStatus", session_id=session)
        assert answer["error_id"] == "invalid_session_id"
        await hub.call("AdminSetUserPassword", name="anna", password="")
        assert (await hub.call("AdminGetUserInfo", name="anna"))["has_password"] is False

    async def test_roles_hold_at_once(self, hub: RunningHub) -> None:
        await added(hub)
        session = await hub.room(Accounts).sessions.issue("anna")
        assert "error" in await hub.call("AdminListUsers", session_id=session)
        answer = await hub.call("AdminChangeUserSettings", name="anna", settings={"Roles": ["owner"]})
        assert answer["success"]
        assert "users" in await hub.call("AdminListUsers", session_id=session)

    async def test_settings_of_another(self, hub: RunningHub) -> None:
        await added(hub)
        answer = await hub.call("AdminChangeUserSettings", name="anna", settings={"nothing.such": 1})
        assert list(answer["refused"]) == ["nothing.such"]
        assert (await hub.call("AdminChangeUserSettings", name="anna"))["field"] == "settings"
        assert (await hub.call("AdminChangeUserSettings", name="who", settings={}))["field"] == "name"

    async def test_nobody_makes_himself_more_than_he_is(self, hub: RunningHub, deputy: str) -> None:
        await added(hub)
        me = await hub.call("GetMyUserData", session_id=deputy)
        for name, given in (
            ("AdminAddUser", {"name": "bert", "password": "a good password", "role": "owner"}),
            ("AdminChangeUserSettings", {"name": me["user_name"], "settings": {"Roles": "owner"}}),
            ("AdminSetUserPassword", {"name": "local", "password": "a good password"}),
            ("AdminGetUserInfo", {"name": "local"}),
        ):
            answer = await hub.call(name, session_id=deputy, **given)
            assert answer["error_id"] == "bad_permissions", name
            assert answer["permission"] in ("*", "shutdown")
        answer = await hub.call(
            "AdminChangeUserSettings", session_id=deputy, name="anna", settings={"Roles": "guest"}
        )
        assert answer["success"]

    async def test_the_last_owner_stays(self, hub: RunningHub) -> None:
        await added(hub, "olga", "owner")
        roles: tuple[str | list[str], ...] = ("user", [])
        for wanted in roles:
            answer = await hub.call("AdminChangeUserSettings", name="olga", settings={"Roles": wanted})
            assert "last owner" in answer["error"]
        assert "last owner" in (await hub.call("AdminSetUserPassword", name="olga", password=""))["error"]
        answer = await hub.call("AdminChangeUserSettings", name="local", settings={"Roles": "user"})
        assert "this machine" in answer["error"]
        await added(hub, "otto", "owner")
        answer = await hub.call("AdminChangeUserSettings", name="olga", settings={"Roles": "user"})
        assert answer["success"]


class TestThisMachine:
    async def test_exempting_this_machine_no_longer_ends_what_came_in_that_way(self, hub: RunningHub) -> None:
        await hub.call("ChangeServerSettings", settings={"accounts.localhost_bypass": True})
        await added(hub, "olga", "owner")
        session = (await hub.post("/API/GetNewSession", {})).json()["session_id"]
        assert "error" not in await hub.call("GetMyUserData", session_id=session)
        await hub.call("ChangeServerSettings", settings={"accounts.localhost_bypass": False})
        answer = await hub.call("GetMyUserData", session_id=session)
        assert answer["error_id"] == "invalid_session_id"
        assert "error" in (await hub.post("/API/GetNewSession", {})).json()


class TestRoles:
    async def test_added_changed_listed_and_deleted(self, hub: RunningHub) -> None:
        assert (await hub.call("AdminAddRole", name="Painters"))["success"]
        answer = await hub.call("AdminEditRole", **ROLE, max_per_day=20, max_pixels=1_000_000)
        assert answer["success"]
        role = (await hub.call("AdminListRoles"))["roles"]["painters"]
        assert role["model_whitelist"] == ["cats/", "dogs/"] and role["model_blacklist"] == []
        assert role["permissions"] == ["basic_image_generation", "fundamental"]
        assert (role["max_per_day"], role["max_pixels"], role["max_steps"]) == (20, 1_000_000, 0)
        await hub.call("AdminEditRole", **ROLE)
        assert (await hub.call("AdminListRoles"))["roles"]["painters"]["max_per_day"] == 20, "left as it was"
        assert (await hub.call("AdminDeleteRole", name="painters"))["success"]
        assert set((await hub.call("AdminListRoles"))["roles"]) == set(ROLES)

    async def test_changes_hold_at_once(self, hub: RunningHub) -> None:
        await hub.call("AdminAddRole", name="painters")
        session = await hub.session_as("painters")
        assert "error" in await hub.call("GetMyUserData", session_id=session)
        await hub.call("AdminEditRole", **{**ROLE, "permissions": ",".join(ROLES["user"].flags)})
        assert "error" not in await hub.call("GetMyUserData", session_id=session)
        await hub.call("AdminDeleteRole", name="painters")
        assert "error" in await hub.call("GetMyUserData", session_id=session)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"name": "nobody"}, "name"),
            ({"permissions": "fundamental, fly"}, "permissions"),
            ({"max_t2i_simultaneous": 0}, "max_t2i_simultaneous"),
            ({"max_steps": -1}, "max_steps"),
        ],
    )
    async def test_what_cannot_be_is_named(self, hub: RunningHub, change: dict[str, Any], field: str) -> None:
        await hub.call("AdminAddRole", name="painters")
        assert (await hub.call("AdminEditRole", **{**ROLE, **change}))["field"] == field

    async def test_the_five_stay_and_the_owner_keeps_all(self, hub: RunningHub) -> None:
        for name in ROLES:
            assert "cannot be deleted" in (await hub.call("AdminDeleteRole", name=name))["error"]
        answer = await hub.call("AdminEditRole", **{**ROLE, "name": "owner"})
        assert "Full Control" in answer["error"]

    async def test_nobody_gives_or_takes_what_they_lack(self, hub: RunningHub, deputy: str) -> None:
        await hub.call("AdminAddRole", name="painters")
        answer = await hub.call(
            "AdminEditRole", session_id=deputy, **{**ROLE, "permissions": "fundamental, shutdown"}
        )
        assert answer["permission"] == "shutdown"
        answer = await hub.call("AdminEditRole", session_id=deputy, **{**ROLE, "name": "owner"})
        assert answer["error_id"] == "bad_permissions"
        assert (await hub.call("AdminEditRole", session_id=deputy, **ROLE))["success"]

    async def test_the_last_owner_is_not_one_by_a_role_that_ends(self, hub: RunningHub) -> None:
        """Whoever has the star by a role of one's own making only: neither it nor the role can go."""
        await hub.call("AdminAddRole", name="painters")
        star = {**ROLE, "permissions": "*"}
        assert (await hub.call("AdminEditRole", **star))["success"]
        await added(hub, "olga", "painters")
        assert "last" in (await hub.call("AdminEditRole", **ROLE))["error"]
        assert "last" in (await hub.call("AdminDeleteRole", name="painters"))["error"]
        assert (await hub.call("AdminEditRole", **{**star, "max_steps": 50}))["success"]
        both = await asyncio.gather(
            hub.call("AdminEditRole", **ROLE), hub.call("AdminDeleteRole", name="painters")
        )
        assert all("last" in answer["error"] for answer in both)
        await added(hub, "otto", "owner")
        assert (await hub.call("AdminDeleteRole", name="painters"))["success"]

    async def test_every_flag_is_listed_in_order(self, hub: RunningHub) -> None:
        answer = await hub.call("AdminListPermissions")
        assert answer["ordered"] == list(FLAGS) and answer["permissions"].keys() == FLAGS.keys()
        star = answer["permissions"]["*"]
        assert (star["default"], star["safety_level"], star["group"]["name"]) == (
            "NOBODY",
            "POWERFUL",
            "Special",
        )


class TestPeople:
    async def test_who_is_here_and_what_they_have_going(self, hub: RunningHub) -> None:
        people = (await hub.call("ListConnectedUsers"))["users"]
        (me,) = people
        assert me["id"] == "local" and sum(place["count"] for place in me["active_sessions"]) == 1
        assert me["waiting_gens"] == 0 and me["last_active_seconds"] >= 0
        status = await hub.call("GetGlobalStatus")
        assert status["status"]["waiting_gens"] == 0 and "backend_status" in status

    async def test_an_unknown_person_cannot_be_interrupted(self, hub: RunningHub) -> None:
        assert (await hub.call("AdminInterruptUser", name="who"))["field"] == "name"
        assert (await hub.call("AdminInterruptUser", name="local"))["success"]


def test_a_role_has_every_limit_on_the_wire() -> None:
    """A quota that is added and not shown could be set by nobody."""
    from hub.routes.admin.roles import RoleOut
    from permissions import Quotas

    assert len(msgspec.structs.fields(RoleOut)) == 10 + len(msgspec.structs.fields(Quotas))

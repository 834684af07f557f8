"""Accounts that are deleted, by an administrator or by their own users: nothing is left of them."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import websockets

from hub.accounts import Accounts
from hub.accounts.passwords import Passwords
from hub.departures import Departures
from hub.jobs import Jobs
from hub.media import Media
from hub.store import DepartureRow, Store
from permissions import FLAGS, Role
from tests.hub.running import RunningHub, running
from tests.swarm_api.sketching import SETTINGS, SMALL, sketching, talking

NAME = "quimby"
PASSWORD = "a good password"
WORD = "zebrafinch"
SECRETS = (NAME.encode(), WORD.encode(), NAME.encode().hex().encode())
WAIT = 60
CHEAP = Passwords(rounds=4)


async def person(hub: RunningHub, name: str = NAME, role: str = "owner") -> str:
    """A new account with a password; a session of it."""
    hashed = await CHEAP.hash(name, PASSWORD)
    assert await hub.room(Accounts).users.add(name, password=hashed, roles=(role,))
    return await signed_in(hub, name)


async def signed_in(hub: RunningHub, name: str = NAME) -> str:
    accounts = hub.room(Accounts)
    shown = accounts.tokens.check(await accounts.tokens.sign_in(name))
    assert shown is not None
    return await accounts.sessions.issue(name, token=shown.id)


async def live(hub: RunningHub, session: str) -> None:
    """Do a bit of everything that leaves a trace."""

    async def call(route: str, **given: Any) -> Any:
        answer = await hub.call(route, session_id=session, **given)
        assert "error" not in answer and "preset_fail" not in answer, (route, answer)
        return answer

    await call("AddNewPreset", title=f"{WORD} preset", description="", param_map={"prompt": WORD})
    await call("SetStarredModels", LoRA=[WORD])
    await call("SetAPIKey", keyType="civitai_api", key=WORD)
    await call("CreateAuthToken", reason=f"for {WORD}")
    await call("GridGenSaveData", gridName=f"{WORD} mine", isPublic=False, data={"prompt": WORD})
    await call("ChangeUserSettings", settings={"outpathbuilder.format": f"{WORD}/[prompt]"})
    made = await call("GenerateText2Image", **{**SMALL, "prompt": f"red {WORD}", "images": 2})
    await call("ToggleImageStarred", path=made["images"][0])
    assert (
        await hub.http.get(f"/{made['images'][0]}?preview=true", headers={"X-Session-ID": session})
    ).content
    answer = await hub.post(
        "/hub/v1/webhooks/create", {"session_id": session, "url": f"https://{WORD}.example/x"}
    )
    assert "error" not in answer.json()
    await call("ListImages", path="", depth=5)


def left(folder: Path, *secrets: bytes) -> list[tuple[str, bytes]]:
    """Which secrets lie in which files below a folder, or in their names."""
    found = []
    for file in sorted(folder.rglob("*")):
        name = str(file.relative_to(folder))
        found += [(name, secret) for secret in secrets or SECRETS if secret.decode() in name.lower()]
        if file.is_file():
            content = file.read_bytes().lower()
            found += [(name, secret) for secret in secrets or SECRETS if secret in content]
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of the `hub` fixture."""
    return tmp_path / "data"


@pytest_asyncio.fixture
async def boss(hub: RunningHub) -> str:
    """An owner with a password besides, so that others are not the last one."""
    return await person(hub, "bossy")


@sketching
class TestByAnAdministrator:
    async def test_anonymous_forbidden_invalid_then_gone(
        self, hub: RunningHub, boss: str, data: Path
    ) -> None:
        session = await person(hub)
        assert (await hub.post("/API/AdminDeleteUser", {"name": NAME})).json()["error_id"] == "basic_api"
        guest = await hub.session_as("user")
        answer = await hub.call("AdminDeleteUser", session_id=guest, name=NAME)
        assert answer["error_id"] == "bad_permissions"
        for wrong in ("nobody", "", "../x", "q" * 200):
            assert (await hub.call("AdminDeleteUser", name=wrong))["field"] == "name"
        assert (await hub.call("AdminDeleteUser"))["error"].startswith("Missing required parameter")
        await live(hub, session)
        assert len({name for name, _ in left(data)}) > 3
        assert await hub.call("AdminDeleteUser", session_id=boss, name=NAME) == {"success": True}
        assert left(data) == []
        assert NAME not in (await hub.call("AdminListUsers"))["users"]
        assert (await hub.call("GetCurrentStatus", session_id=session))["error_id"] == "invalid_session_id"
        login = await hub.post("/API/Login", {"username": NAME, "password": PASSWORD})
        assert login.json()["error_id"] == "invalid_login"

    async def test_a_new_user_of_the_name_meets_nothing_of_the_old_one(
        self, hub: RunningHub, boss: str
    ) -> None:
        session = await person(hub)
        await live(hub, session)
        old = (await hub.call("ListImages", session_id=session, path="", depth=5))["files"]
        assert old
        await hub.call("AdminDeleteUser", session_id=boss, name=NAME)
        again = await person(hub)
        mine = await hub.call("GetMyUserData", session_id=again)
        assert mine["presets"] == [] and mine["starred_models"] == {}
        assert (await hub.call("ListImages", session_id=again, path="", depth=5))["files"] == []
        assert (await hub.call("GetAPIKeyStatus", session_id=again, keyType="civitai_api"))[
            "status"
        ] == "not set"
        answer = await hub.http.get(f"/View/{NAME}/{old[0]['src']}", headers={"X-Session-ID": again})
        assert answer.json()["error_id"] == "file_not_found"
        assert (await hub.post("/hub/v1/webhooks", {"session_id": again})).json()["webhooks"] == []
        jobs = (await hub.post("/hub/v1/jobs", {"session_id": again})).json()["jobs"]
        assert jobs == []
        made = await hub.call("GenerateText2Image", session_id=again, **{**SMALL, "prompt": "blue"})
        assert len(made["images"]) == 1, "folders are made anew"
        assert [job.request_id for job in hub.room(Jobs).views(NAME)] == ["1001"]

    async def test_pictures_can_be_set_aside(self, hub: RunningHub, boss: str, data: Path) -> None:
        session = await person(hub)
        await live(hub, session)
        answer = await hub.call("AdminDeleteUser", session_id=boss, name=NAME, keep_outputs=True)
        assert answer == {"success": True}
        (place,) = (data / "outputs" / ".set_aside").iterdir()
        assert place.name.startswith(f"{NAME}-") and len(list(place.rglob("*.png"))) == 3
        assert not any(name.startswith("hub.sqlite3") for name, _ in left(data))
        inside = next(place.rglob("*.png")).relative_to(data / "outputs")
        answer = await hub.http.get(f"/View/{inside}", headers={"X-Session-ID": boss})
        assert answer.status_code == 400, "nobody reads it through the hub"

    async def test_what_is_shared_stays_without_the_name(
        self, hub: RunningHub, boss: str, data: Path
    ) -> None:
        session = await person(hub)
        await hub.call("GridGenSaveData", session_id=session, gridName="ours", isPublic=True, data={"a": 1})
        await hub.call("AdminDeleteUser", session_id=boss, name=NAME)
        assert left(data) == []
        again = await person(hub, role="user")
        assert (await hub.call("GridGenGetData", session_id=again, gridName="ours"))["data"] == {"a": 1}
        answer = await hub.call("GridGenDeleteData", session_id=again, gridName="ours")
        assert answer["permission"] == "manage_users", "the new one did not publish it"

    async def test_whom_one_may_not_delete(self, hub: RunningHub, boss: str) -> None:
        assert "own account" in (await hub.call("AdminDeleteUser", session_id=boss, name="bossy"))["error"]
        assert "last owner" in (await hub.call("AdminDeleteUser", name="bossy"))["error"]
        answer = await hub.call("AdminDeleteUser", session_id=boss, name="local")
        assert "this machine" in answer["error"]
        flags = frozenset(FLAGS.keys() - {"*", "shutdown"})
        await hub.room(Accounts).roles.put(Role("deputy", "Deputy", flags=flags))
        deputy = await hub.session_as("deputy")
        await person(hub)
        answer = await hub.call("AdminDeleteUser", session_id=deputy, name=NAME)
        assert answer["error_id"] == "bad_permissions"
        assert NAME in (await hub.call("AdminListUsers"))["users"]

    async def test_of_two_owners_who_delete_each_other_one_stays(self, hub: RunningHub, boss: str) -> None:
        session = await person(hub)
        answers = await asyncio.gather(
            hub.call("AdminDeleteUser", session_id=boss, name=NAME),
            hub.call("AdminDeleteUser", session_id=session, name="bossy"),
        )
        assert sorted("success" in answer for answer in answers) == [False, True]
        assert len({NAME, "bossy"} & {*(await hub.call("AdminListUsers"))["users"]}) == 1

    async def test_work_under_way_ends_and_sockets_are_told(
        self, hub: RunningHub, boss: str, data: Path
    ) -> None:
        session = await person(hub)
        async with talking(hub, session) as talk, talking(hub, boss) as others:
            await others.ask(prompt="blue hold")
            await others.until(lambda frame: frame.get("status", {}).get("live_gens"), WAIT)
            await talk.ask(prompt=f"red hold {WORD}", images=20)
            await talk.until(lambda frame: frame.get("status", {}).get("live_gens"), WAIT)
            async with hub.socket("/hub/v1/events") as listening:
                await listening.send(json.dumps({"session_id": session}))
                await listening.recv()
                answer = await hub.call("AdminDeleteUser", session_id=boss, name=NAME)
                assert answer == {"success": True}
                async with asyncio.timeout(WAIT):
                    frames = [json.loads(text) async for text in listening]
                assert frames[-1]["error_id"] == "invalid_session_id"
            await talk.until(lambda frame: frame.get("error_id") == "invalid_session_id", WAIT)
            with pytest.raises(websockets.ConnectionClosed):
                await talk.until("never", WAIT)
            assert hub.room(Jobs).counts(user=NAME).idle and left(data) == []
            assert not hub.room(Jobs).counts(user="bossy").idle, "others go on"

    async def test_a_picture_being_saved_does_not_come_behind_it(
        self, hub: RunningHub, boss: str, data: Path
    ) -> None:
        session = await person(hub)
        async with talking(hub, session) as talk:
            await talk.ask(prompt=f"red slow stubborn {WORD}", images=4, steps=10)
            await talk.until("gen_progress", WAIT)
            assert (await hub.call("AdminDeleteUser", session_id=boss, name=NAME))["success"]
        made = await hub.call("GenerateText2Image", session_id=boss, **{**SMALL, "prompt": "blue"})
        assert made["images"], "the engine has let go of what it drew"
        assert left(data) == []

    async def test_a_grid_ends(self, hub: RunningHub, boss: str, data: Path) -> None:
        session = await person(hub)
        asked = {
            "baseParams": {**SMALL, "prompt": f"red {WORD} hold"},
            "gridAxes": [{"mode": "seed", "vals": "1,2,3,4,5,6"}],
            "outputFolderName": WORD,
            "doOverwrite": True,
            "fastSkip": False,
            "generatePage": True,
            "publishGenMetadata": True,
            "dryRun": False,
            "weightOrder": False,
            "outputType": "Grid Image",
            "continueOnError": True,
            "showOutputs": True,
        }
        async with hub.socket("/API/GridGenRun") as grid:
            await grid.send(json.dumps({"session_id": session, **asked}))
            frame: dict[str, Any] = {}
            async with asyncio.timeout(WAIT):
                while not frame.get("status", {}).get("live_gens"):
                    frame = json.loads(await grid.recv())
                    assert "error" not in frame, frame
            assert (await hub.call("AdminDeleteUser", session_id=boss, name=NAME))["success"]
        assert left(data) == []


@sketching
class TestByOneself:
    async def post(self, hub: RunningHub, session: str, **given: Any) -> Any:
        answer = await hub.post("/hub/v1/account/delete", {"session_id": session, **given})
        return answer.json()

    async def test_anonymous_wrong_then_gone(self, hub: RunningHub, boss: str, data: Path) -> None:
        session = await person(hub, role="user")
        assert (await hub.post("/hub/v1/account/delete", {})).json()["error_id"] == "basic_api"
        for wrong in ("", "wrong password", "x" * 5000):
            assert (await self.post(hub, session, password=wrong))["field"] == "password"
        await live(hub, await self.allowed(hub, session))
        assert await self.post(hub, session, password=PASSWORD) == {"success": True}
        assert left(data) == []
        assert (await self.post(hub, session, password=PASSWORD))["error_id"] == "invalid_session_id"

    async def allowed(self, hub: RunningHub, session: str) -> str:
        """The same session once its user may have webhooks."""
        await hub.call("AdminChangeUserSettings", name=NAME, settings={"Roles": ["user", "poweruser"]})
        return session

    async def test_guessing_is_rationed(self, hub: RunningHub, boss: str) -> None:
        session = await person(hub, role="user")
        for _ in range(5):
            await self.post(hub, session, password="wrong password")
        assert "Too many" in (await self.post(hub, session, password=PASSWORD))["error"]

    async def test_the_last_owner_and_this_machine_stay(self, hub: RunningHub, boss: str) -> None:
        assert "last owner" in (await self.post(hub, boss, password=PASSWORD))["error"]
        assert "no account" in (await self.post(hub, hub.session, password=""))["error"]

    async def test_without_a_password_one_signs_in_first(self, hub: RunningHub, boss: str) -> None:
        accounts = hub.room(Accounts)
        await accounts.users.add(NAME, roles=("user",))
        bare = await accounts.sessions.issue(NAME)
        assert "Sign in once more" in (await self.post(hub, bare))["error"]
        shown = accounts.tokens.check(await accounts.tokens.create(NAME, "a bot"))
        bot = await accounts.sessions.issue(NAME, token=shown.id)
        assert "Sign in once more" in (await self.post(hub, bot))["error"]
        borrowed = accounts.tokens.check(await accounts.tokens.sign_in("bossy"))
        acting = await accounts.sessions.issue(NAME, token=borrowed.id)
        assert "Sign in once more" in (await self.post(hub, acting))["error"], (
            "an administrator acting as him"
        )
        assert await self.post(hub, await signed_in(hub)) == {"success": True}


class TestKilledInTheMiddle:
    """What a kill leaves is the data folder as it is at that moment: a copy of it is started."""

    async def test_after_any_step_the_next_start_finishes_it(self, tmp_path: Path) -> None:
        row = DepartureRow(NAME, "ab" * 16, aside=False, begun=1)
        copies = [tmp_path / f"copy{number}" for number in range(7)]
        async with running(tmp_path / "data", SETTINGS) as hub:
            boss = await person(hub, "bossy")
            await live(hub, await person(hub))
            departures, store = hub.room(Departures), hub.room(Store)
            async with talking(hub, await signed_in(hub)) as talk:
                await talk.ask(prompt=f"red hold {WORD}", images=3)
                await talk.until(lambda frame: frame.get("status", {}).get("live_gens"), WAIT)
                await store.departures.begin(row)
                for copy, step in zip(copies, departures.steps(row), strict=True):
                    shutil.copytree(tmp_path / "data", copy)
                    await step()
            assert left(tmp_path / "data") == [] and boss
        for copy in copies:
            for lock in copy.glob("*.lock"):
                lock.unlink()
            assert left(copy), copy
            async with running(copy, SETTINGS) as hub:
                async with asyncio.timeout(WAIT):
                    while hub.room(Store).departures.resume():  # noqa: ASYNC110 - it may be over already
                        await asyncio.sleep(0.01)
                assert NAME not in (await hub.call("AdminListUsers"))["users"]
                assert hub.room(Jobs).counts(user=NAME).idle
                await person(hub)
                await hub.call("AdminDeleteUser", name=NAME)
            assert left(copy) == [], copy

    async def test_the_name_is_closed_until_it_is_over(self, tmp_path: Path) -> None:
        async with running(tmp_path / "data", {"accounts.allow_registration": "true"}) as hub:
            await person(hub)
            row = DepartureRow(NAME, "ab" * 16, aside=False, begun=1)
            await hub.room(Store).departures.begin(row)
            for step in hub.room(Departures).steps(row)[:2]:
                await step()
            answer = await hub.call("AdminAddUser", name=NAME, password=PASSWORD, role="user")
            assert answer["field"] == "name"
            answer = await hub.post("/API/RegisterBasic", {"username": NAME, "password": PASSWORD})
            assert answer.json()["error_id"] == "username_exists"
            for step in hub.room(Departures).steps(row)[2:]:
                await step()
            await person(hub)


class TestOneFolderForAll:
    async def test_only_the_pictures_of_the_one_go(self, tmp_path: Path) -> None:
        async with running(tmp_path / "data", {**SETTINGS, "outputs.append_user": "false"}) as hub:
            boss = await person(hub, "bossy")
            session = await person(hub)
            for who in (boss, session):
                await hub.call(
                    "ChangeUserSettings",
                    session_id=who,
                    settings={
                        "outpathbuilder.format": "raw/[prompt]",
                        "fileformat.savetextfilemetadata": True,
                    },
                )
            mine = await hub.call("GenerateText2Image", session_id=boss, **{**SMALL, "prompt": "blue"})
            await hub.call("GenerateText2Image", session_id=session, **{**SMALL, "prompt": f"red {WORD}"})
            outputs = hub.room(Media).outputs.root
            assert len(list(outputs.rglob("*.png"))) == 2
            assert (await hub.call("AdminDeleteUser", session_id=boss, name=NAME))["success"]
            assert [file.name for file in outputs.rglob("*.png")] == [mine["images"][0].rpartition("/")[2]]
            assert left(tmp_path / "data") == []

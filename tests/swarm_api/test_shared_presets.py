"""Presets and wildcards that everybody on the server has, and who may change them."""

from pathlib import Path
from typing import Any

import pytest

from hub.accounts import Presets, Sessions, Tokens
from hub.catalog import Catalog
from hub.jobs import Intake
from tests.hub.accounts.test_presets import jpeg_url
from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHARE, UNSHARE = "/hub/v1/presets/share", "/hub/v1/presets/unshare"


async def save(hub: RunningHub, session: str, title: str, **more: Any) -> Any:
    values = {"title": title, "description": "", "param_map": {"steps": 7}, **more}
    return await hub.call("AddNewPreset", session_id=session, **values)


async def seen(hub: RunningHub, session: str) -> dict[str, dict[str, Any]]:
    data = await hub.call("GetMyUserData", session_id=session)
    return {preset["title"]: preset for preset in data["presets"]}


async def test_who_may_not_and_what_is_not_there(shared_hub: RunningHub) -> None:
    user, admin = await shared_hub.session_as("user"), await shared_hub.session_as("admin")
    await save(shared_hub, user, "Mine")
    for path in (SHARE, UNSHARE):
        answer = (await shared_hub.post(path, {"session_id": user, "preset": "Mine"})).json()
        assert (answer["error_id"], answer["permission"]) == ("bad_permissions", "share_presets")
        answer = (await shared_hub.post(path, {"session_id": admin, "preset": "Mine"})).json()
        assert answer["field"] == "preset"


async def test_everybody_sees_it_marked_and_nobody_edits_it(shared_hub: RunningHub) -> None:
    user, admin = await shared_hub.session_as("user"), await shared_hub.session_as("admin")
    await save(shared_hub, admin, "Faces/Portrait", preview_image=jpeg_url(), is_starred=True)
    assert (await shared_hub.post(SHARE, {"session_id": admin, "preset": "faces/portrait"})).json() == {
        "success": True
    }
    found = (await seen(shared_hub, user))["Faces/Portrait"]
    assert (found["is_shared"], found["is_starred"], found["param_map"]) == (True, False, {"steps": "7"})
    picture = await shared_hub.http.get(found["preview_image"], headers={"X-Session-ID": user})
    assert picture.headers["content-type"] == "image/jpeg"
    assert (await seen(shared_hub, admin))["Faces/Portrait"].get("is_shared") is None
    answer = await save(shared_hub, user, "Faces/Portrait", is_edit=True, editing="Faces/Portrait")
    assert "shared by the server" in answer["preset_fail"]
    answer = await shared_hub.call("DeletePreset", session_id=user, preset="Faces/Portrait")
    assert (answer["field"], "shared by the server" in answer["error"]) == ("preset", True)
    exported = await shared_hub.call("ExportUserPresets", session_id=user)
    assert exported["presets"] == []


async def test_it_is_applied_by_title_and_copied(shared_hub: RunningHub) -> None:
    session, admin = await shared_hub.session_as("user"), await shared_hub.session_as("admin")
    await save(shared_hub, admin, "Applied", param_map={"steps": 11})
    await shared_hub.post(SHARE, {"session_id": admin, "preset": "Applied"})
    caller = shared_hub.room(Sessions).find(session)
    assert caller is not None
    read = shared_hub.room(Intake).read
    assert (await read({"prompt": "x", "images": 1, "presets": ["applied"]}, caller)).steps == 11
    assert await shared_hub.call("DuplicatePreset", session_id=session, preset="Applied") == {"success": True}
    assert (await seen(shared_hub, session))["Applied (2)"].get("is_shared") is None
    await save(shared_hub, session, "Applied", param_map={"steps": 3})
    assert (await read({"prompt": "x", "images": 1, "presets": ["applied"]}, caller)).steps == 3
    assert (await seen(shared_hub, session))["Applied"].get("is_shared") is None


async def test_sharing_anew_replaces_it_and_it_can_be_taken_back(shared_hub: RunningHub) -> None:
    user, admin, other = [await shared_hub.session_as(role) for role in ("user", "admin", "admin")]
    await save(shared_hub, admin, "Changing", param_map={"steps": 1})
    await shared_hub.post(SHARE, {"session_id": admin, "preset": "Changing"})
    await save(shared_hub, admin, "Changing", is_edit=True, editing="Changing", param_map={"steps": 2})
    assert (await seen(shared_hub, user))["Changing"]["param_map"] == {"steps": "1"}
    await shared_hub.post(SHARE, {"session_id": admin, "preset": "Changing"})
    assert (await seen(shared_hub, user))["Changing"]["param_map"] == {"steps": "2"}
    assert (await shared_hub.post(UNSHARE, {"session_id": other, "preset": "CHANGING"})).json() == {
        "success": True
    }
    assert "Changing" not in await seen(shared_hub, user)
    assert "Changing" in await seen(shared_hub, admin)


async def test_it_stays_when_its_author_goes_without_the_name(shared_hub: RunningHub) -> None:
    admin, owner = await shared_hub.session_as("admin"), await shared_hub.session_as("owner")
    caller = shared_hub.room(Sessions).find(admin)
    assert caller is not None
    await save(shared_hub, admin, "Lasting", preview_image=jpeg_url())
    await shared_hub.post(SHARE, {"session_id": admin, "preset": "Lasting"})
    assert (await seen(shared_hub, owner))["Lasting"]["author"] == caller.user
    gone = await shared_hub.call("AdminDeleteUser", session_id=owner, name=caller.user)
    assert gone["success"] is True
    await shared_hub.room(Presets).disown(caller.user)
    found = (await seen(shared_hub, owner))["Lasting"]
    assert (found["is_shared"], found["author"]) == (True, "")
    assert shared_hub.room(Presets).preview("local", "Lasting")


async def test_wildcards_are_read_and_changed_by_right(shared_hub: RunningHub, tmp_path: Path) -> None:
    power, user = await shared_hub.session_as("poweruser"), await shared_hub.session_as("user")
    wanted = {"card": "colours", "options": "red\nblue"}
    refused = await shared_hub.call("EditWildcard", session_id=user, **wanted)
    assert refused["permission"] == "edit_wildcards"
    assert await shared_hub.call("EditWildcard", session_id=power, **wanted) == {"success": True}
    assert "colours" in shared_hub.room(Catalog).wildcards.all
    listed = await shared_hub.call("ListModels", session_id=user, subtype="Wildcards", path="", depth=3)
    assert [card["name"] for card in listed["files"]] == ["colours"]
    drawn = await shared_hub.call("TestPromptFill", session_id=user, prompt="<wildcard:colours>")
    assert drawn["result"] in ("red", "blue")

    caller = shared_hub.room(Sessions).find(user)
    assert caller is not None
    flags = ("fundamental_model_access", "fundamental_generate_tab_access")
    text = await shared_hub.room(Tokens).create(caller.user, "bot", flags=flags)
    answer = await shared_hub.post("/API/GetNewSession", {}, Authorization=f"Bearer {text}")
    blind = answer.json()["session_id"]
    for name, more in (
        ("ListModels", {"path": "", "depth": 3}),
        ("DescribeModel", {"modelName": "colours"}),
    ):
        answer = await shared_hub.call(name, session_id=blind, subtype="Wildcards", **more)
        assert answer["permission"] == "read_wildcards"
    assert (await shared_hub.call("ListT2IParams", session_id=blind))["wildcards"] == []
    drawn = await shared_hub.call("TestPromptFill", session_id=blind, prompt="a <wildcard:colours>")
    assert "red" not in drawn["result"] and "blue" not in drawn["result"]
    picture = await shared_hub.http.get("/ViewSpecial/Wildcards/colours", headers={"X-Session-ID": blind})
    assert picture.json()["permission"] == "read_wildcards"

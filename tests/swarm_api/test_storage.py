"""How much of the disk one user may fill: pictures and bytes, by role."""

import asyncio
import base64
import io
from typing import Any

import msgspec
import pytest
from PIL import Image

from hub.accounts import Governing, Roles, Sessions
from hub.accounts.caller import Caller, Limits
from hub.media import Media
from hub.store import ImageRow, Store
from permissions import Quotas
from tests.swarm_api.sketching import SETTINGS, SMALL, Tenant, tenant

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = SETTINGS
hub = tenant
OWNER = Caller("the owner", "", frozenset({"*"}), Limits())
PICTURE = 64 * 64 * 3 + (1 << 14)
"""Bytes set aside for a small picture."""


async def limited(hub: Tenant, **quotas: int) -> tuple[str, str]:
    """The name and session of a new user with a role of his own that has these limits."""
    session = await hub.session_as("user")
    caller = hub.room(Sessions).find(session)
    assert caller is not None
    roles, governing = hub.room(Roles), hub.room(Governing)
    role = await governing.add_role(OWNER, f"of_{caller.user}")
    user = roles.get("user")
    assert user is not None
    wanted = msgspec.structs.replace(user, id=role, automatic=False, quotas=Quotas(**quotas))
    await governing.change_role(OWNER, wanted)
    await governing.change_settings(OWNER, caller.user, {"roles": [role]})
    return caller.user, session


async def draw(hub: Tenant, session: str, **more: Any) -> Any:
    return await hub.call("GenerateText2Image", session_id=session, **{**SMALL, "prompt": "red", **more})


async def test_pictures_are_counted_and_deleting_makes_room(hub: Tenant) -> None:
    user, session = await limited(hub, files=2)
    assert "images" in await draw(hub, session)
    answer = await draw(hub, session, images=2)
    assert (answer["field"], answer["limit"]) == ("images", 1)
    assert "You keep 1 pictures; with 2 to come they would be more than the 2" in answer["error"]
    (path,) = (await draw(hub, session))["images"]
    assert (await draw(hub, session))["limit"] == 0
    gone = await hub.call("DeleteImage", session_id=session, path=path.split("/", 2)[2])
    assert gone == {"success": True}
    assert "images" in await draw(hub, session)
    assert hub.room(Store).totals.of(user)[0] == 2


async def test_pictures_that_are_not_kept_do_not_count(hub: Tenant) -> None:
    _, session = await limited(hub, files=1)
    assert "images" in await draw(hub, session)
    assert "images" in await draw(hub, session, donotsave=True, images=3)


async def test_bytes_are_counted_with_room_for_what_is_to_come(hub: Tenant) -> None:
    user, session = await limited(hub, storage_mib=1)
    fill = (1 << 20) - 2 * PICTURE
    await hub.room(Store).images.add(ImageRow("j", 0, user, "big.png", 1000, bytes=fill))
    answer = await draw(hub, session, images=3)
    assert (answer["field"], answer["limit"]) == ("images", 2)
    assert "of the 1 MiB that your roles allow" in answer["error"]
    assert len((await draw(hub, session, images=2))["images"]) == 2
    files, size = hub.room(Store).totals.of(user)
    assert files == 3 and size <= 1 << 20
    home = hub.room(Media).outputs.home(user)
    assert sum(file.stat().st_size for file in home.rglob("*.png")) == size - fill


async def test_what_waits_has_its_room_set_aside(hub: Tenant) -> None:
    user, session = await limited(hub, files=10)
    many = asyncio.create_task(draw(hub, session, prompt="red hold", images=9))
    while hub.room(Store).jobs.last_request_id(user) == 1000:  # noqa: ASYNC110 - accepted by the hub itself
        await asyncio.sleep(0.01)
    answer = await draw(hub, session, images=9)
    assert answer["field"] == "images" and "10 that your roles allow" in answer["error"]
    await hub.call("InterruptAll", session_id=session, other_sessions=True)
    assert "error" in await many
    assert len((await draw(hub, session, images=9))["images"]) == 9


async def test_pictures_from_elsewhere_need_room_too(hub: Tenant) -> None:
    _, session = await limited(hub, files=1)
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "PNG")
    url = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
    add = {"session_id": session, "image": url, "prompt": "x", "model": "doodle"}
    assert "images" in await hub.call("AddImageToHistory", **add)
    answer = await hub.call("AddImageToHistory", **add)
    assert (answer["field"], answer["limit"]) == ("images", 0)


async def test_an_administrator_sets_them_and_several_roles_give_the_most(hub: Tenant) -> None:
    role = {
        "description": "",
        "max_outpath_depth": 5,
        "max_t2i_simultaneous": 4,
        "allow_unsafe_outpaths": False,
        "model_whitelist": "",
        "model_blacklist": "",
        "permissions": "fundamental",
    }
    for name, files in (("small_disk", 5), ("large_disk", 50)):
        await hub.call("AdminAddRole", name=name)
        limits = {"max_files": files, "max_storage_mib": 10 * files}
        assert await hub.call("AdminEditRole", name=name, **role, **limits) == {"success": True}
    listed = (await hub.call("AdminListRoles"))["roles"]["small_disk"]
    assert (listed["max_files"], listed["max_storage_mib"]) == (5, 50)
    quotas = hub.room(Roles).grants(("small_disk", "large_disk"))[1].quotas
    assert (quotas.files, quotas.storage_mib) == (50, 500)
    assert hub.room(Roles).grants(("small_disk", "user"))[1].quotas.files == 0
    answer = await hub.call("AdminEditRole", name="small_disk", **role, max_files=-1)
    assert answer["field"] == "max_files"

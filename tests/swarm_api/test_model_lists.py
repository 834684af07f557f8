"""White- and blacklists of roles on every route that takes or tells a model's name, for every kind of models.

The routes are found by their declarations: a new one that names a model must be listed here with what it is
given.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from hub.accounts import Accounts
from hub.catalog import SUBTYPES, UPSCALERS, Catalog
from hub.wire.discover import find_modules, find_routes
from permissions import ROLES
from tests.hub.catalog.conftest import write_safetensors
from tests.hub.running import RunningHub
from tests.swarm_api.test_model_files import EDIT

pytestmark = pytest.mark.asyncio(loop_scope="module")

KINDS = (*SUBTYPES, UPSCALERS)
HIDDEN, MISSING, SHOWN = "private/secret.safetensors", "private/nothing.safetensors", "open/seen.safetensors"
NAMED: dict[str, tuple[str, dict[str, Any]]] = {
    "DescribeModel": ("modelName", {}),
    "GetModelHash": ("modelName", {}),
    "GetModelHeaders": ("model", {}),
    "EditModelMetadata": ("model", EDIT),
    "DeleteModel": ("modelName", {}),
    "RenameModel": ("oldName", {"newName": "open/taken"}),
}
"""Routes that take the name of a model of any kind: the field, and what else they need."""
MAIN_ONLY = {"SelectModel": "model", "SelectModelWS": "model"}
NO_NAME = {"ListModels", "ListLoadedModels", "ForwardMetadataRequest", "DoModelDownloadWS"}
"""They tell names or make new ones: tested one by one below."""
WILDCARDS = {"EditWildcard", "DeleteWildcard", "TestPromptFill"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sessions(shared_hub: RunningHub) -> AsyncIterator[dict[str, str]]:
    """A session for a role with a list of what is refused, and one with a list of what is allowed."""
    for kind in KINDS:
        folder = shared_hub.app.board.settings.folders.models[0] / kind
        for name in (HIDDEN, SHOWN):
            write_safetensors(folder / name)
            (folder / name).with_suffix(".jpg").write_bytes(b"\xff\xd8\xff")
    await shared_hub.room(Catalog).refresh()
    roles = shared_hub.room(Accounts).roles
    made = {}
    for name, lists in (
        ("blacklisted", {"model_blacklist": ("private/",)}),
        ("whitelisted", {"model_whitelist": ("open/",)}),
    ):
        await roles.put(msgspec.structs.replace(ROLES["admin"], id=name, name=name, automatic=False, **lists))
        shared_hub.room(Accounts).roles_changed()
        made[name] = await shared_hub.session_as(name)
    yield made


async def test_every_route_of_the_family_is_covered() -> None:
    declared = {route.name for route in find_routes(find_modules()) if route.family == "models"}
    assert declared == {*NAMED, *MAIN_ONLY, *NO_NAME, *WILDCARDS}


async def ask(hub: RunningHub, route: str, session: str, body: dict[str, Any]) -> Any:
    if route.endswith("WS"):
        return (await hub.talk(route, session_id=session, **body))[0]
    return await hub.call(route, session_id=session, **body)


@pytest.mark.parametrize("role", ["blacklisted", "whitelisted"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("route", NAMED)
async def test_a_hidden_model_answers_like_a_missing_one(
    shared_hub: RunningHub, sessions: dict[str, str], route: str, kind: str, role: str
) -> None:
    field, more = NAMED[route]
    answers = [
        await ask(shared_hub, route, sessions[role], {field: name, "subtype": kind, **more})
        for name in (HIDDEN, HIDDEN.removesuffix(".safetensors"), MISSING)
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["error"] == "Model not found."
    if route not in ("DeleteModel", "RenameModel"):
        seen = await ask(shared_hub, route, sessions[role], {field: SHOWN, "subtype": kind, **more})
        assert "error" not in seen
    folder = shared_hub.app.board.settings.folders.models[0] / kind
    assert (folder / HIDDEN).is_file()
    assert not (folder / HIDDEN).with_suffix(".swarm.json").exists()


@pytest.mark.parametrize("role", ["blacklisted", "whitelisted"])
@pytest.mark.parametrize("route", MAIN_ONLY)
async def test_loading_what_is_hidden(
    shared_hub: RunningHub, sessions: dict[str, str], route: str, role: str
) -> None:
    hidden = await ask(shared_hub, route, sessions[role], {"model": HIDDEN})
    assert hidden == await ask(shared_hub, route, sessions[role], {"model": MISSING})
    assert hidden["error"] == "Model not found."


@pytest.mark.parametrize("role", ["blacklisted", "whitelisted"])
@pytest.mark.parametrize("kind", KINDS)
async def test_lists_and_pictures(
    shared_hub: RunningHub, sessions: dict[str, str], kind: str, role: str
) -> None:
    session = sessions[role]
    listed = await shared_hub.call("ListModels", session_id=session, path="", depth=9, subtype=kind)
    assert "open" in listed["folders"]
    assert "secret" not in json.dumps(listed)
    assert "private" not in json.dumps(listed)
    inside = await shared_hub.call("ListModels", session_id=session, path="private", depth=9, subtype=kind)
    assert inside == {"folders": [], "files": []}
    for name, status in ((SHOWN, 200), (HIDDEN, None), (MISSING, None)):
        answer = await shared_hub.http.get(f"/ViewSpecial/{kind}/{name}", headers={"X-Session-ID": session})
        assert status in (None, answer.status_code)
        assert (answer.content == b"\xff\xd8\xff") is (name == SHOWN)


@pytest.mark.parametrize("role", ["blacklisted", "whitelisted"])
async def test_parameters_name_no_hidden_model(
    shared_hub: RunningHub, sessions: dict[str, str], role: str
) -> None:
    listed = await shared_hub.call("ListT2IParams", session_id=sessions[role])
    assert "seen" in json.dumps(listed)
    assert "secret" not in json.dumps(listed)


@pytest.mark.parametrize("role", ["blacklisted", "whitelisted"])
@pytest.mark.parametrize("kind", KINDS)
async def test_new_names_keep_to_the_lists(
    shared_hub: RunningHub, sessions: dict[str, str], kind: str, role: str
) -> None:
    session = sessions[role]
    renamed = await shared_hub.call(
        "RenameModel", session_id=session, oldName=SHOWN, newName="private/mine", subtype=kind
    )
    assert renamed["field"] == "newName"
    (frame,) = await shared_hub.talk(
        "DoModelDownloadWS",
        session_id=session,
        url="https://huggingface.co/a/b/resolve/main/c.safetensors",
        type=kind,
        name="private/mine",
    )
    assert frame["field"] == "name"

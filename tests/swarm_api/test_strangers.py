"""What belongs to one user, asked for by another: every declared route, with the first one's names and ids.

Nothing of it is told, nothing of it changes. Found from the routes' own fields: a new route that takes one of
these ids is tried by being declared.
"""

import json
from typing import Any, get_type_hints

import pytest
import pytest_asyncio

from hub.wire.discover import find_modules, find_routes
from hub.wire.route import Route
from tests.hub.running import RunningHub
from tests.swarm_api.bombs import as_url, small
from tests.swarm_api.sketching import SETTINGS, SMALL

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {**SETTINGS, "updates.allowed": "false"}
WORD = "onlyforhereyes"
ROUTES = [route for route in find_routes(find_modules()) if route.permission is not None]


class Person:
    """Somebody with one of everything; `things` are its names and ids by the names of fields."""

    def __init__(self, hub: RunningHub, session: str) -> None:
        self.hub, self.session = hub, session
        self.things: dict[str, Any] = {}

    async def call(self, name: str, **body: Any) -> Any:
        return await self.hub.call(name, session_id=self.session, **body)

    async def own(self, path: str, **body: Any) -> Any:
        return (await self.hub.post(f"/hub/v1/{path}", {"session_id": self.session, **body})).json()

    async def settle(self) -> None:
        """Make one of everything."""
        drawn = await self.call("GenerateText2Image", **{**SMALL, "prompt": f"a circle {WORD}"})
        path = drawn["images"][0].split("/", 2)[2]
        await self.call("AddNewPreset", title=WORD, description=WORD, param_map={}, is_edit=False)
        token = (await self.call("CreateAuthToken", reason=WORD))["token"]
        hook = await self.own("webhooks/create", url=f"https://{WORD}.example/", events=["ended"])
        jobs = (await self.own("jobs"))["jobs"]
        sessions = (await self.own("sessions"))["sessions"]
        saved = await self.call("GridGenSaveData", gridName=WORD, isPublic=False, data={"a": 1})
        assert "error" not in saved, saved
        user = drawn["images"][0].split("/")[1]
        self.things = {
            "path": path,
            "preset": WORD,
            "editing": WORD,
            "tokenId": token.split(".")[1],
            "webhook": hook["webhook"],
            "job": jobs[0]["job"],
            "jobs": [jobs[0]["job"]],
            "id": sessions[0]["id"],
            "session": sessions[0]["id"],
            "gridName": WORD,
            "name": user,
            "impersonateUser": user,
            "image": f"raw/{path}" if not path.startswith("raw/") else path,
        }

    async def state(self) -> list[Any]:
        """All of it, as its owner sees it."""
        return [
            (await self.call("GetMyUserData"))["presets"],
            [entry["id"] for entry in (await self.call("ListMyAuthTokens"))["tokens"]],
            await self.call("ListImages", path="", depth=9),
            [(job["job"], job.get("state")) for job in (await self.own("jobs"))["jobs"]],
            [hook["webhook"] for hook in (await self.own("webhooks"))["webhooks"]],
            [one["id"] for one in (await self.own("sessions"))["sessions"]],
            await self.call("GridGenListData"),
        ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ann(shared_hub: RunningHub) -> Person:
    person = Person(shared_hub, await shared_hub.session_as("poweruser"))
    await person.settle()
    return person


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bob(shared_hub: RunningHub, ann: Person) -> Person:
    """As much allowed as Ann, and no administrator."""
    return Person(shared_hub, await shared_hub.session_as("poweruser"))


def tried(route: Route, things: dict[str, Any]) -> list[str]:
    return [name for name in route.given.__struct_fields__ if name in things]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.name}")
async def test_a_stranger_learns_and_changes_nothing(ann: Person, bob: Person, route: Route) -> None:
    fields = tried(route, ann.things)
    if not fields and not get_type_hints(route.given):
        fields = [""]  # a list of something: whose is it?
    if not fields or route.name in ("ServerDebugMessage", "AddNewPreset"):
        return
    before = await ann.state()
    hints = get_type_hints(route.given)
    rest = {name: "x" if kind is str else 1 for name, kind in hints.items() if kind in (str, int, float)}
    body = {**rest, **{name: ann.things[name] for name in fields if name}}
    for session in (bob.session,):
        said = await answer(bob.hub, route, {**body, "session_id": session})
        for thing in (WORD, ann.things["job"], ann.things["webhook"], ann.things["tokenId"]):
            repeated = thing in json.dumps(body)
            assert repeated or thing.encode() not in said, (fields, said[:300])
        assert b"internal_error" not in said
    assert await ann.state() == before


async def answer(hub: RunningHub, route: Route, body: dict[str, Any]) -> bytes:
    if route.socket:
        async with hub.socket(route.path) as socket:
            await socket.send(json.dumps(body))
            frame = await socket.recv()
            return frame if isinstance(frame, bytes) else frame.encode()
    if route.method == "GET":
        headers = {"X-Session-ID": body.pop("session_id")}
        plain = {name: value for name, value in body.items() if isinstance(value, str | int)}
        return (await hub.http.get(route.path, params=plain, headers=headers)).content
    return (await hub.post(route.path, body)).content


async def test_anothers_picture_is_no_start_of_mine(ann: Person, bob: Person) -> None:
    path = ann.things["path"]
    for named in (path, f"raw/{path}", f"View/{ann.things['name']}/{path}", f"raw/../../{path}"):
        said = await bob.call("GenerateText2Image", **{**SMALL, "prompt": "x", "initimage": named})
        assert said["field"] == "initimage", named


async def test_what_is_mine_is_told_to_me(ann: Person) -> None:
    """Else the tests above would pass for a wrong reason."""
    assert WORD in json.dumps(await ann.state())
    assert ann.things["job"] in json.dumps(await ann.own("jobs/detail", job=ann.things["job"]))
    assert "images" in await ann.call("AddImageToHistory", image=as_url(small("PNG")), prompt="x")

"""The check of contents through every door: words refused, red withheld, no previews, nothing on disk."""

import asyncio
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from PIL import Image

from hub.accounts import Accounts
from permissions import default_flags
from permissions.flag import Rank
from permissions.roles import Role
from tests.backends.eyes import make_eye
from tests.checkers.redness import is_red
from tests.hub.running import RunningHub, running
from tests.swarm_api.comfying import until
from tests.swarm_api.sketching import SETTINGS, SMALL, Tenant, talking, tenant

CHECKERS = Path(__file__).parents[1] / "checkers"
CHECKED = {
    **SETTINGS,
    "folders.checkers": str(CHECKERS),
    "safety.checkers": "words,redness",
    "safety.words": "gore, bad cat",
}
HUB_SETTINGS = CHECKED
pytestmark = pytest.mark.asyncio(loop_scope="module")
hub = tenant
WITHHELD = (
    "The image was withheld: it is red (setting safety.words). "
    "The server checks everybody's images (setting safety.check)."
)


def files(hub: Tenant) -> list[str]:
    outputs = hub.app.board.settings.folders.outputs / hub.user
    return sorted(path.name for path in outputs.rglob("*.*") if path.is_file())


async def switch(hub: RunningHub, **settings: str) -> None:
    chosen = {f"safety.{name}": value for name, value in {"withheld": "nothing", **settings}.items()}
    assert (await hub.call("ChangeServerSettings", settings=chosen))["overruled"] == {}


@pytest_asyncio.fixture(loop_scope="module")
async def everyone(hub: Tenant) -> None:
    """Everybody's work is checked."""
    await switch(hub, check="everyone")


@pytest_asyncio.fixture(loop_scope="module")
async def by_role(hub: Tenant) -> None:
    """That of some roles is."""
    await switch(hub, check="roles")


async def drawn(hub: RunningHub, prompt: str, **more: Any) -> Any:
    return await hub.call("GenerateText2Image", **{**SMALL, "prompt": prompt, **more})


async def fetched(hub: RunningHub, address: str) -> bytes:
    answer = await hub.http.get(f"/{address}")
    assert answer.status_code == 200
    return answer.content


@pytest.mark.usefixtures("everyone")
class TestEveryone:
    async def test_a_word_is_refused_before_anything_is_drawn(self, hub: Tenant) -> None:
        for prompt in ("blue GORE", "a (bad:1.2) cat", "<random:gore|gore>"):
            answer = await drawn(hub, prompt)
            assert "is not allowed in prompts here (setting safety.words)" in answer["error"]
            assert answer["setting"] == "safety.words"
        assert (await drawn(hub, "blue", negativeprompt="gore"))["images"]

    async def test_a_result_is_withheld_and_nowhere(self, hub: Tenant) -> None:
        answer = await drawn(hub, "red")
        assert (answer["error"], answer["setting"]) == (WITHHELD, "safety.words")
        assert files(hub) == []
        listed = await hub.call("ListImages", path="", depth=3, sortBy="Date", sortReverse=False)
        assert listed["files"] == []
        assert len((await drawn(hub, "blue"))["images"]) == 1

    async def test_a_socket_sees_no_preview_and_the_error(self, hub: Tenant) -> None:
        async with talking(hub) as talker:
            await talker.ask(prompt="blue")
            await talker.until("image")
            await talker.ask(prompt="red")
            frame = await talker.until("error")
        assert frame["error"] == WITHHELD
        assert [one for one in talker.of("gen_progress") if one.get("preview")] == []

    async def test_pictures_that_are_not_saved_either(self, hub: Tenant) -> None:
        assert (await drawn(hub, "red", donotsave=True))["error"] == WITHHELD
        answer = await drawn(hub, "blue", donotsave=True)
        assert answer["images"][0].startswith("data:image/")

    async def test_one_of_several(self, hub: Tenant) -> None:
        answer = await drawn(hub, "<fromto[0.5]:red,blue>", images=1)
        assert "error" in answer or "images" in answer
        answer = await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red", "images": 3})
        assert answer["error"] == WITHHELD
        assert files(hub) == []

    async def test_the_queue_tells_why(self, hub: Tenant) -> None:
        await drawn(hub, "red")
        jobs = (await hub.http.get("/hub/v1/jobs")).json()
        assert WITHHELD in json.dumps(jobs)

    async def test_the_way_past_it_is_closed(self, hub: Tenant) -> None:
        answer = await hub.http.get("/ComfyBackendDirect/object_info")
        assert answer.status_code == 403
        assert answer.json()["setting"] == "safety.check"

    async def test_blurred_when_the_setting_says_so(self, hub: Tenant) -> None:
        await switch(hub, check="everyone", withheld="blurred")
        answer = await drawn(hub, "red")
        (address,) = answer["images"]
        metadata = await hub.call("ListImages", path="", depth=3, sortBy="Date", sortReverse=False)
        assert "The image was withheld: it is red" in json.dumps(metadata)
        with Image.open(BytesIO(await fetched(hub, address))) as picture:
            assert picture.size == (64, 64)
        assert answer["warnings"] == [WITHHELD]
        assert "warnings" not in await drawn(hub, "blue")

    async def test_whoever_gets_a_blurred_picture_is_told_on_the_socket_and_by_event(
        self, hub: Tenant
    ) -> None:
        await switch(hub, check="everyone", withheld="blurred")
        async with talking(hub) as talker:
            await talker.ask(prompt="red")
            warned = await talker.until("warnings")
            frame = await talker.until("image")
        assert (warned["warnings"], warned["keep_alive"]) == ([WITHHELD], True)
        assert warned["batch_index"] == frame["batch_index"]
        (job,) = (await hub.http.get("/hub/v1/jobs")).json()["jobs"]
        told = (await hub.http.get("/hub/v1/jobs/detail", params={"job": job["job"]})).text
        assert WITHHELD in told

    async def test_a_broken_checker_lets_nothing_through(self, hub: Tenant) -> None:
        assert "could not be checked" in (await drawn(hub, "blue breaking"))["error"]


async def test_switched_on_and_off_while_the_hub_runs(hub: Tenant) -> None:
    await switch(hub, check="off")
    (address,) = (await drawn(hub, "red gore"))["images"]
    assert is_red(await fetched(hub, address))
    changed = await hub.call("ChangeServerSettings", settings={"safety.check": "everyone"})
    assert changed["at_once"] == ["safety.check"]
    assert (await drawn(hub, "red"))["error"] == WITHHELD
    await hub.call("ChangeServerSettings", settings={"safety.check": "off"})
    assert len((await drawn(hub, "red gore"))["images"]) == 1


@pytest.mark.usefixtures("by_role")
class TestByRole:
    async def person(self, hub: RunningHub, name: str, *roles: str) -> str:
        accounts = hub.room(Accounts)
        flags = default_flags(Rank.USER)
        await accounts.roles.put(Role("watched", "Watched", flags=flags, check_content=True))
        accounts.roles_changed()
        await accounts.users.add(name, roles=roles)
        return await accounts.sessions.issue(name)

    async def test_only_those_whose_every_role_asks_for_it(self, hub: Tenant) -> None:
        watched = await self.person(hub, "watched_one", "watched")
        trusted = await self.person(hub, "trusted_one", "watched", "user")
        answer = await drawn(hub, "red", session_id=watched)
        assert "Your role has its images checked (its switch check_content" in answer["error"]
        assert "Your role" in (await drawn(hub, "gore", session_id=watched))["error"]
        assert (await drawn(hub, "red gore", session_id=trusted))["images"]
        assert (await drawn(hub, "red gore"))["images"]  # the owner

    async def test_the_switch_acts_at_once(self, hub: Tenant) -> None:
        person = await self.person(hub, "ann", "watched")
        assert "error" in await drawn(hub, "red", session_id=person)
        shown = (await hub.call("AdminListRoles"))["roles"]["watched"]
        assert shown["check_content"] is True
        given = {key: ",".join(value) if isinstance(value, list) else value for key, value in shown.items()}
        given |= {"name": "watched", "check_content": False}
        assert "error" not in await hub.call("AdminEditRole", **given)
        assert (await drawn(hub, "red", session_id=person))["images"]


@pytest.mark.parametrize(
    ("setting", "told"), [("none such", "is no checker here"), ("classifier", "no folder")]
)
async def test_what_cannot_work_stops_the_start(tmp_path: Path, setting: str, told: str) -> None:
    chosen = {"safety.check": "everyone", "safety.checkers": setting}
    with pytest.RaisesGroup(pytest.RaisesExc(Exception, match=told), flatten_subgroups=True):
        async with running(tmp_path, chosen):
            raise AssertionError("it started")


@pytest.mark.long
@pytest.mark.unchained("its job goes on at this hub's next start")
async def test_a_checker_that_hangs_delays_no_stop_and_loses_no_picture(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = {
        **CHECKED,
        "safety.check": "everyone",
        "safety.checkers": "hanging",
        "network.stop_seconds": "1",
    }
    async with running(tmp_path, chosen) as hub, asyncio.timeout(60):
        asking = asyncio.create_task(drawn(hub, "blue"))
        await until(lambda: "looking" in caplog.text, 60)
        stopping = asyncio.get_running_loop().time()
        asking.cancel()
    assert asyncio.get_running_loop().time() - stopping < 60, "it looks for ever"
    async with running(tmp_path, {**SETTINGS}) as hub, asyncio.timeout(60):
        folder = hub.app.board.settings.folders.outputs
        await until(lambda: any(folder.rglob("*.png")) or any(folder.rglob("*.jpg")), 60)


@pytest.mark.long
@pytest.mark.unchained("draws with the engine of this hub")
async def test_a_classifier_looks_at_every_result(tmp_path: Path) -> None:
    """A tiny one with random weights: it is asked of two colours first, and the line drawn between them."""
    from backends.diffusers_local.classifier import Eye

    make_eye(tmp_path / "eye")
    async with running(tmp_path / "one", SETTINGS) as hub:
        seen = {}
        for colour in ("red", "blue"):
            (address,) = (await drawn(hub, colour, outputformat="PNG"))["images"]
            seen[colour] = Eye(str(tmp_path / "eye")).scores(await fetched(hub, address))["nsfw"]
    worse, better = sorted(seen, key=lambda colour: -seen[colour])
    chosen = {
        **SETTINGS,
        "safety.check": "everyone",
        "safety.checkers": "classifier",
        "safety.classifier": str(tmp_path / "eye"),
        "safety.threshold": str((seen["red"] + seen["blue"]) / 2),
    }
    async with running(tmp_path / "two", chosen) as hub:
        hub.http.timeout = httpx.Timeout(600)
        answers = await asyncio.gather(*(drawn(hub, colour) for colour in (worse, better)))
        assert "the image classifier takes it for 'nsfw' (setting safety.threshold)" in answers[0]["error"]
        assert len(answers[1]["images"]) == 1

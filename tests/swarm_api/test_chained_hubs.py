"""A hub that draws through another hub: what comes through, what is stopped, and what is refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from backends.pool import Pool
from hub.accounts import Accounts
from hub.catalog import Catalog
from hub.identity import Identity
from hub.jobs import Jobs
from hub.jobs.events import Requeued
from hub.settings import Settings
from tests.hub.chaining import chained, until_serving
from tests.hub.running import RunningHub, running
from tests.swarm_api.outside import outside
from tests.swarm_api.sketching import SETTINGS, SMALL, heard, talking

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.unchained("it chains its hubs itself")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningHub]:
    """A hub in front of one with the sketch engine."""
    async with chained(tmp_path_factory.mktemp("hubs") / "data", SETTINGS) as hub:
        yield hub


def behind(hub: RunningHub) -> RunningHub:
    assert hub.behind is not None
    return hub.behind


async def until_idle(hub: RunningHub) -> None:
    async with asyncio.timeout(60):
        while not hub.room(Jobs).counts().idle:  # noqa: ASYNC110 - it may be over already
            await asyncio.sleep(0.02)


async def until_status(hub: RunningHub, number: int, status: str) -> str:
    """Wait for an engine's state; the reason it gives."""
    async with asyncio.timeout(60):
        while True:
            state = next(state for state in hub.room(Pool).states() if state.id == number)
            if state.status == status:
                return state.reason
            await asyncio.sleep(0.02)


async def add_engine(hub: RunningHub, **settings: Any) -> int:
    """Add another hub as an engine; its number."""
    number: int = (await hub.call("AddNewBackend", type_id="swarmswarmbackend"))["id"]
    edited = await hub.call("EditBackend", backend_id=number, title="the other", settings=settings)
    assert edited.get("id") == number, edited
    return number


class TestAPicture:
    async def test_comes_with_previews_progress_and_notes(self, hub: RunningHub) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="a red load slow", seed=7)
            frames = await talk.rest()
        going = [frame["gen_progress"] for frame in frames if "gen_progress" in frame]
        assert [one["step"] for one in going if "preview" in one][-1] == 4
        assert all(one["preview"].startswith("data:image/jpeg;base64,") for one in going if "preview" in one)
        assert any(frame.get("status", {}).get("loading_models") for frame in frames)
        block = json.loads(talk.of("metadata")[-1])
        assert block["sui_image_params"]["seed"] == 7
        assert block["sui_extra_data"]["unknown_words"] == ["blorb"]
        assert block["sui_extra_data"]["generation_time"] == "0.25 sec"

    async def test_is_kept_here_and_only_here_with_one_block(self, hub: RunningHub) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="a green thing")
            image = await talk.until("image")
        home = hub.room(Settings).folders.outputs
        path = home / str(image["image"]).removeprefix("View/")
        assert path.read_bytes().count(b"sui_image_params") == 1
        assert Image.open(path).getpixel((0, 0)) == (0, 128, 0)
        assert not list(behind(hub).room(Settings).folders.outputs.rglob("*.png"))

    @pytest.mark.parametrize(("form", "kind"), [("JPG", "JPEG"), ("WEBP", "WEBP"), ("WEBP_LOSSLESS", "WEBP")])
    async def test_has_the_format_asked_for(self, hub: RunningHub, form: str, kind: str) -> None:
        answer = await hub.call("GenerateText2Image", **SMALL, prompt="blue", imageformat=form)
        path = hub.room(Settings).folders.outputs / answer["images"][0].removeprefix("View/")
        assert Image.open(path).format == kind and path.read_bytes().count(b"sui_image_params") == 1

    async def test_that_fails_says_why(self, hub: RunningHub) -> None:
        answer = await hub.call("GenerateText2Image", **SMALL, prompt="fail")
        assert answer["error"] == "The pencil broke."

    async def test_many_at_once_each_come_once(self, hub: RunningHub) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red", images=20)
            frames = await talk.rest()
        indices = sorted(int(frame["batch_index"]) for frame in frames if "image" in frame)
        assert indices == list(range(20))


class TestStopping:
    async def test_stops_it_there_and_nothing_else_there(self, hub: RunningHub) -> None:
        """Our works there belong to the same user: only their own sessions are interrupted."""
        other = await hub.session_as("user")
        async with talking(behind(hub)) as stranger, talking(hub, other) as neighbour, talking(hub) as talk:
            for one in (stranger, neighbour):
                await one.ask(prompt="red slow", steps=60)
                await one.until("gen_progress")
            await talk.ask(prompt="red hold", images=1)
            await talk.until(lambda frame: frame.get("status", {}).get("live_gens"))
            await hub.call("InterruptAll", other_sessions=True)
            assert (await talk.until("error"))["error"] == "Generation session interrupted."
            assert await stranger.until("image") and await neighbour.until("image")
        await until_idle(behind(hub))

    async def test_stopped_by_somebody_there_is_told(self, hub: RunningHub) -> None:
        async with talking(hub) as talk:
            await talk.ask(prompt="red hold")
            await talk.until(lambda frame: frame.get("status", {}).get("live_gens"))
            behind(hub).room(Jobs).interrupt(user="local")
            assert "stopped" in (await talk.until("error"))["error"]

    async def test_waiting_ones_leave_the_line_there(self, hub: RunningHub) -> None:
        async with talking(behind(hub)) as stranger, talking(hub) as talk:
            await stranger.ask(prompt="red hold", images=4)
            await stranger.until(lambda frame: frame.get("status", {}).get("live_gens") == 4)
            await talk.ask(prompt="blue")
            async with asyncio.timeout(60):
                while behind(hub).room(Jobs).counts().waiting_gens < 5:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            await hub.call("InterruptAll")
            await talk.until("discard_indices")
            async with asyncio.timeout(60):
                while behind(hub).room(Jobs).counts().waiting_gens > 4:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            await behind(hub).call("InterruptAll")
        await until_idle(behind(hub))


class TestWhatItHas:
    async def test_models_and_engines_are_those_behind(self, hub: RunningHub) -> None:
        (state,) = hub.room(Pool).states()
        assert state.slots == 4 and "sketching" in state.features
        assert {"doodle", "starter"} <= set(state.offers["Stable-Diffusion"])
        assert state.samplers == ("euler", "ddim") and state.schedulers == ("normal",)
        assert state.servers == (behind(hub).room(Identity).server,)

    async def test_a_model_is_loaded_and_let_go_there(self, hub: RunningHub) -> None:
        assert await hub.call("SelectModel", model="doodle") == {"success": True}
        (state,) = behind(hub).room(Pool).states()
        assert "doodle" in state.models
        assert (await hub.call("FreeBackendMemory"))["result"] is True

    async def test_a_model_found_there_is_offered_here(self, hub: RunningHub) -> None:
        (folder,) = behind(hub).room(Settings).folders.models
        (folder / "LoRA").mkdir(parents=True, exist_ok=True)
        header = b'{"a.lora_down.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
        data = len(header).to_bytes(8, "little") + header + bytes(4)
        (folder / "LoRA" / "thin.safetensors").write_bytes(data)
        await behind(hub).room(Catalog).refresh()  # it looks by itself only when its last look is a while ago
        await hub.call("TriggerRefresh")
        async with asyncio.timeout(60):
            while "thin.safetensors" not in hub.room(Pool).states()[0].offers.get("LoRA", {}):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        listed = await hub.call("ListModels", path="", depth=2, subtype="LoRA")
        assert [(file["name"], file["local"]) for file in listed["files"]] == [("thin.safetensors", False)]


class TestCircles:
    async def test_a_hub_is_not_its_own_engine(self, hub: RunningHub) -> None:
        number = await add_engine(hub, Address=hub.url)
        assert "this hub itself" in await until_status(hub, number, "errored")
        await hub.call("DeleteBackend", backend_id=number)

    async def test_two_hubs_are_not_each_others_engine(self, hub: RunningHub) -> None:
        number = await add_engine(behind(hub), Address=hub.url)
        assert "circle" in await until_status(behind(hub), number, "errored")
        await behind(hub).call("DeleteBackend", backend_id=number)

    async def test_a_picture_that_was_here_before_is_not_handed_on(self, hub: RunningHub) -> None:
        before = f"someone,{hub.room(Identity).server}"
        answer = await hub.call("GenerateText2Image", **SMALL, prompt="red", hubchain=before)
        assert "circle" in answer["error"]


async def test_without_websockets_the_picture_comes_all_the_same(tmp_path: Path) -> None:
    async with chained(tmp_path / "data", SETTINGS, AllowWebsocket=False) as hub, talking(hub) as talk:
        await talk.ask(prompt="a red slow", steps=60)
        await talk.until(lambda frame: frame.get("status", {}).get("live_gens"))
        image = await talk.until("image")
        block = json.loads(image["metadata"])
        assert block["sui_extra_data"]["unknown_words"] == ["blorb"]
        await talk.ask(prompt="red hold")
        await talk.until(lambda frame: frame.get("status", {}).get("live_gens"))
        await hub.call("InterruptAll")
        assert (await talk.until("error"))["error"] == "Generation session interrupted."
        await until_idle(behind(hub))


async def test_without_forwarding_an_engine_there_is_named(tmp_path: Path) -> None:
    async with chained(tmp_path / "data", SETTINGS, AllowForwarding=False) as hub:
        given: list[Any] = []
        jobs = behind(hub).room(Jobs)
        submit = jobs.submit

        async def listening(request: Any, *rest: Any, **more: Any) -> Any:
            given.append(request.engine_id)
            return await submit(request, *rest, **more)

        jobs.submit = listening  # type: ignore[method-assign]
        assert len((await hub.call("GenerateText2Image", **SMALL, prompt="red"))["images"]) == 1
        assert given == [0]


async def test_a_hub_that_asks_who_is_calling_takes_a_token(tmp_path: Path) -> None:
    closed = {**SETTINGS, "accounts.required": "true", "accounts.localhost_bypass": "false"}
    async with (
        running(tmp_path / "closed", closed) as there,
        running(
            tmp_path / "open", {**SETTINGS, "engines.types": f"swarmswarmbackend address={there.url}"}
        ) as hub,
    ):
        assert "AuthorizationHeader" in await until_status(hub, 0, "errored")
        accounts = there.room(Accounts)
        await accounts.users.add("visitor", roles=("user",))
        token = await accounts.tokens.create("visitor", "the hub in front")
        settings = {"Address": there.url, "AuthorizationHeader": f"Bearer {token}"}
        edited = await hub.call("EditBackend", backend_id=0, title="closed", settings=settings)
        assert token not in json.dumps(edited)
        await until_serving(hub)
        assert len((await hub.call("GenerateText2Image", **SMALL, prompt="red"))["images"]) == 1
        assert there.room(Jobs).views("visitor")


@pytest.mark.long
async def test_a_hub_killed_while_it_draws_is_asked_again_when_it_is_back(
    tmp_path: Path, free_port: int
) -> None:
    line = f"swarmswarmbackend address=http://127.0.0.1:{free_port}"
    async with running(tmp_path / "front", {**SETTINGS, "engines.types": line}) as hub:
        async with outside(tmp_path / "behind", free_port) as there, talking(hub) as talk:
            await until_serving(hub)
            again = asyncio.create_task(heard(hub, Requeued))
            await talk.ask(prompt="red slow", steps=100, images=2)
            await talk.until("gen_progress")
            await there.kill()
            await again
            async with outside(tmp_path / "behind", free_port):
                await talk.until("socket_intention", seconds=100)  # it is called every half minute
                assert len(talk.of("image")) == 2 and talk.of("error") == []

"""Engines elsewhere through the real door: their models in the lists, where work goes, and engines that fall
silent or are lost in the middle of it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backends.pool
from backends.pool import Pool
from tests.hub.running import RunningHub
from tests.swarm_api.painting import CALM, FOAM, QUICK, WAVE, Painter, shore
from tests.swarm_api.sketching import SMALL, talking

FAR: dict[str, Any] = {**SMALL, "model": WAVE.name}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed within a second."""
    monkeypatch.setattr(backends.pool, "ELSEWHERE", QUICK)


async def until(what: Callable[[], Any], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - it may be so already
            await asyncio.sleep(0.01)


async def ready(hub: RunningHub, many: int) -> None:
    """Wait until so many engines run."""
    pool = hub.room(Pool)
    await until(lambda: sum(state.status == "running" for state in pool.states()) == many)


async def own(hub: RunningHub, path: str, **body: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await hub.post(f"/hub/v1/{path}", {"session_id": hub.session, **body})).json()
    return found


class TestModels:
    async def test_they_are_listed_with_those_who_have_them(self, tmp_path: Path) -> None:
        async with shore(tmp_path, Painter(WAVE, FOAM), Painter(WAVE)) as hub:
            await ready(hub, 3)
            listed = await hub.call("ListModels", path="", depth=9)
            far = {model["name"]: model for model in listed["files"]}
            assert far[WAVE.name]["local"] is False and far[WAVE.name]["engines"] == [1, 2]
            assert far[WAVE.name]["title"] == "Wave" and far[WAVE.name]["resolution"] == "512x512"
            assert far["doodle"]["local"] is True and listed["folders"] == ["sea"]
            here = await hub.call("ListModels", path="", depth=9, allowRemote=False)
            assert {model["name"] for model in here["files"]} == far.keys() - {WAVE.name}
            described = await hub.call("DescribeModel", modelName="sea/wave")
            assert described["model"]["engines"] == [1, 2]
            params = await hub.call("ListT2IParams")
            assert [WAVE.name, "stable-diffusion-v1"] in params["models"]["Stable-Diffusion"]
            assert [FOAM.name, None] in params["models"]["LoRA"]

    async def test_their_files_are_not_ours(self, tmp_path: Path) -> None:
        async with shore(tmp_path, Painter(WAVE)) as hub:
            await ready(hub, 2)
            refused = await hub.call("DeleteModel", modelName=WAVE.name)
            assert "only an engine elsewhere has it" in refused["error"]
            refused = await hub.call("RenameModel", oldName=WAVE.name, newName="mine")
            assert "only an engine elsewhere has it" in refused["error"]
            refused = await hub.call("GetModelHash", modelName=WAVE.name)
            assert "only an engine elsewhere has it" in refused["error"]

    async def test_they_can_be_selected(self, tmp_path: Path) -> None:
        async with shore(tmp_path, Painter(WAVE), Painter(CALM)) as hub:
            await ready(hub, 3)
            assert (await hub.call("SelectModel", model=WAVE.name)) == {"success": True}
            loaded = await hub.call("ListLoadedModels")
            assert [model["name"] for model in loaded["models"]] == [WAVE.name]
            refused = await hub.call("SelectModel", model=WAVE.name, backendId="2")
            assert refused["reason"].startswith("No engine that was asked has this model.")

    async def test_they_go_with_their_engine_and_change_with_its_word(self, tmp_path: Path) -> None:
        painter = Painter(WAVE)
        async with shore(tmp_path, painter) as hub:
            await ready(hub, 2)
            painter.models = (CALM,)
            painter.introduce()
            pool = hub.room(Pool)
            await until(lambda: CALM.name in pool.states()[1].offers["Stable-Diffusion"])
            names = [model["name"] for model in (await hub.call("ListModels", path="", depth=9))["files"]]
            assert CALM.name in names and WAVE.name not in names


class TestWhereWorkGoes:
    async def test_a_model_of_theirs_is_drawn_there(self, tmp_path: Path) -> None:
        painter = Painter(WAVE)
        async with shore(tmp_path, painter) as hub:
            await ready(hub, 2)
            made = await hub.call("GenerateText2Image", **{**FAR, "images": 2})
            assert len(made["images"]) == 2 and len(painter.drawn) == 2
            assert {work.model.path for work in painter.begun} == {""}
            await hub.call("GenerateText2Image", **SMALL)
            assert len(painter.drawn) == 2, "what only is here is drawn here"

    async def test_every_model_of_a_request_has_to_be_there(self, tmp_path: Path) -> None:
        one, other = Painter(WAVE), Painter(WAVE, FOAM)
        async with shore(tmp_path, one, other) as hub:
            await ready(hub, 3)
            made = await hub.call("GenerateText2Image", **{**FAR, "images": 3, "loras": FOAM.name})
            assert len(made["images"]) == 3 and (len(one.drawn), len(other.drawn)) == (0, 3)

    async def test_a_refusal_tells_every_engines_reason(self, tmp_path: Path) -> None:
        async with shore(tmp_path, Painter(WAVE), Painter(CALM)) as hub:
            await ready(hub, 3)
            answer = await hub.call("GenerateText2Image", **{**FAR, "exactbackendid": "2"})
            assert "Sketch (tests) (backend 0) is not the requested backend 2." in answer["error"]
            assert "Beacon (backend 2) does not have the model sea/wave.safetensors." in answer["error"]
            answer = await hub.call("GenerateText2Image", **{**FAR, "internalbackendtype": "sketch"})
            assert "only an engine elsewhere has it" in answer["error"]

    async def test_a_parameter_that_no_engine_honours_is_refused_by_name(self, tmp_path: Path) -> None:
        painter = Painter(WAVE)
        painter.features = ()
        async with shore(tmp_path, painter, here=False) as hub:
            await ready(hub, 1)
            params = {param["id"]: param for param in (await hub.call("ListT2IParams"))["list"]}
            assert params["variationseed"]["feature_flag"] == "variation_seed"
            answer = await hub.call("GenerateText2Image", **{**FAR, "variationseedstrength": 0.5})
            assert answer["field"] == "variationseedstrength" and "variation_seed" in answer["error"]

    async def test_samplers_are_those_of_the_engines_there_are(self, tmp_path: Path) -> None:
        painter = Painter(WAVE)
        painter.samplers = ("heun", "odd_one")
        async with shore(tmp_path, painter) as hub:
            await ready(hub, 2)
            params = {param["id"]: param for param in (await hub.call("ListT2IParams"))["list"]}
            assert params["sampler"]["values"] == ["euler", "heun", "ddim", "odd_one"]
            made = await hub.call("GenerateText2Image", **{**FAR, "sampler": "odd_one"})
            assert painter.begun[0].sampler == "odd_one" and made["images"]
            answer = await hub.call("GenerateText2Image", **{**SMALL, "sampler": "odd_one"})
            assert "error" in answer, "the engine with that model does not have it"

    async def test_why_a_job_waits_is_shown(self, tmp_path: Path) -> None:
        painter, other = Painter(WAVE), Painter(CALM)
        painter.brush.clear()
        async with shore(tmp_path, painter, other) as hub:
            await ready(hub, 3)
            async with talking(hub) as talk:
                await talk.ask(**{**FAR, "images": 2})
                await painter.until_begun()
                job = (await own(hub, "jobs"))["jobs"][0]
                assert "Beacon (backend 1) is busy with 1 image." in job["held_up"]
                detail = await own(hub, "jobs/detail", job=job["job"])
                (refused,) = [m for m in detail["timeline"] if m["event"] == "refused"]
                assert refused["what"]["reasons"] == [
                    "Sketch (tests) (backend 0) does not have the model sea/wave.safetensors: only an engine "
                    "elsewhere has it.",
                    "Beacon (backend 2) does not have the model sea/wave.safetensors.",
                ]
                painter.brush.set()
                await talk.until(lambda frame: len(talk.of("image")) == 2)
            assert (await own(hub, "jobs/detail", job=job["job"]))["job"]["held_up"] == []

    async def test_places_may_become_more_while_it_runs(self, tmp_path: Path) -> None:
        painter = Painter(WAVE)
        painter.brush.clear()
        async with shore(tmp_path, painter) as hub, talking(hub) as talk:
            await ready(hub, 2)
            await talk.ask(**{**FAR, "images": 3})
            await painter.until_begun()
            await asyncio.sleep(0.1)
            assert len(painter.begun) == 1
            painter.slots = 3
            painter.introduce()
            await painter.until_begun(3)
            painter.brush.set()
            await talk.until(lambda frame: len(talk.of("image")) == 3)

    async def test_a_new_engine_helps_what_waits(self, tmp_path: Path) -> None:
        one, late = Painter(WAVE), Painter(CALM)
        one.brush.clear()
        async with shore(tmp_path, one, late) as hub, talking(hub) as talk:
            await ready(hub, 3)
            await talk.ask(**{**FAR, "images": 2})
            await one.until_begun()
            late.models = (CALM, WAVE)
            late.introduce()
            await late.until_begun()
            one.brush.set()
            await talk.until(lambda frame: len(talk.of("image")) == 2)


class TestEnginesThatComeAndGo:
    async def test_one_that_is_added_is_used_at_once(self, tmp_path: Path) -> None:
        painter = Painter(WAVE)
        await painter.light()
        async with shore(tmp_path) as hub:
            assert "error" in await hub.call("GenerateText2Image", **FAR)
            made = await hub.call("AddNewBackend", type_id="beacon")
            await hub.call(
                "EditBackend", backend_id=made["id"], title="Late", settings={"Address": painter.address}
            )
            await ready(hub, 2)
            assert len((await hub.call("GenerateText2Image", **FAR))["images"]) == 1
            assert len(painter.drawn) == 1
            await painter.darken()

    @pytest.mark.parametrize("beside", [(), ("comfyui_api",)], ids=["alone", "beside one set up wrongly"])
    async def test_what_waits_for_one_that_is_taken_away_is_told_why_nobody_takes_it(
        self, tmp_path: Path, beside: tuple[str, ...]
    ) -> None:
        painter = Painter(WAVE)
        painter.brush.clear()
        async with shore(tmp_path, painter) as hub, talking(hub) as talk:
            await ready(hub, 2)
            for kind in beside:
                await hub.call("AddNewBackend", type_id=kind)  # its address is empty: it has never served
            await talk.ask(**{**FAR, "images": 2})
            await painter.until_begun()
            gone = asyncio.create_task(hub.call("DeleteBackend", backend_id=1))
            error = await talk.until("error")
            assert "Sketch (tests) (backend 0) does not have the model" in error["error"]
            painter.brush.set()
            await gone
            await talk.until("socket_intention")
            assert len(talk.of("image")) == 1, "the one being drawn was finished"


class TestPatience:
    """One engine, one user who draws on and on with the model in memory, and a stranger with another."""

    async def order(self, tmp_path: Path, load: float, others: int) -> list[str]:
        """The models in the order in which their images began."""
        painter = Painter(WAVE, CALM, step=0.03, load=load)
        async with shore(tmp_path, painter, here=False) as hub:
            await ready(hub, 1)
            await hub.call("GenerateText2Image", **FAR)
            stranger = await hub.session_as("user")
            async with talking(hub) as mine, talking(hub, stranger) as theirs:
                await mine.ask(**{**FAR, "images": 8})
                await painter.until_begun(2)
                await theirs.ask(**{**FAR, "model": CALM.name, "images": others})
                await mine.until(lambda frame: len(mine.of("image")) == 8)
                await theirs.until(lambda frame: len(theirs.of("image")) == others)
            (engine,) = (await own(hub, "queue"))["engines"]
            assert engine["drawn"] == 0 and engine["free"] == 1 and engine["seconds_an_image"] > 0.1
        return [work.model.name for work in painter.begun[1:]]

    async def test_one_stranger_waits_while_the_model_is_of_use(self, tmp_path: Path) -> None:
        assert await self.order(tmp_path, 20.0, 1) == [WAVE.name] * 8 + [CALM.name]

    async def test_not_longer_than_the_loading_takes(self, tmp_path: Path) -> None:
        order = await self.order(tmp_path, 0.3, 1)
        assert 1 < order.index(CALM.name) < 8

    async def test_not_at_all_where_loading_takes_no_time(self, tmp_path: Path) -> None:
        assert (await self.order(tmp_path, 0.0, 1)).index(CALM.name) == 1


class TestLostOnTheWay:
    async def test_the_rest_is_drawn_elsewhere_and_the_socket_streams_on(self, tmp_path: Path) -> None:
        one, other = Painter(WAVE), Painter(WAVE)
        one.brush.clear()
        async with shore(tmp_path, one, other) as hub:
            await ready(hub, 3)
            async with talking(hub) as talk:
                await talk.ask(**{**FAR, "images": 4})
                await one.until_begun()
                await until(lambda: other.drawn)
                await one.darken()
                await talk.until(lambda frame: len(talk.of("image")) == 4)
            job = (await own(hub, "jobs"))["jobs"][0]
            assert job["state"] == "done" and not talk.of("error")
            assert [work.id for work in one.begun] == [f"{job['job']}:0"], "finished ones are not made again"
            assert sorted(other.drawn) == [f"{job['job']}:{index}" for index in range(4)]
            detail = await own(hub, "jobs/detail", job=job["job"])
            requeued = [moment for moment in detail["timeline"] if moment["event"] == "requeued"]
            assert [moment["index"] for moment in requeued] == [0]
            assert requeued[0]["what"]["reason"] == "The lighthouse has gone dark."
            files = list((tmp_path / "outputs").rglob("*.png"))
            assert len(files) == 4

    async def test_alone_it_waits_for_the_same_engine(self, tmp_path: Path) -> None:
        painter = Painter(WAVE)
        painter.brush.clear()
        async with shore(tmp_path, painter) as hub, talking(hub) as talk:
            await ready(hub, 2)
            await talk.ask(**FAR)
            await painter.until_begun()
            await painter.darken()
            painter.brush.set()
            await asyncio.sleep(0.1)
            await painter.light()
            await talk.until("image")
            assert len(painter.begun) == 2

    async def test_what_was_accepted_waits_over_a_restart_until_its_engine_is_there(
        self, tmp_path: Path
    ) -> None:
        painter = Painter(WAVE)
        painter.brush.clear()
        async with shore(tmp_path, painter) as hub, talking(hub) as talk:
            await ready(hub, 2)
            await talk.ask(**FAR)
            await painter.until_begun()
        async with shore(tmp_path, painter) as hub:  # the second time it stays dark
            pool = hub.room(Pool)
            await until(lambda: pool.states()[1].status == "errored")
            (job,) = (await own(hub, "jobs"))["jobs"]
            assert "Beacon (backend 1) could not be reached." in job["held_up"]
            refused = await hub.call(
                "GenerateText2Image", **{**FAR, "model": "doodle", "exactbackendid": "1"}
            )
            assert "Beacon (backend 1) could not be reached." in refused["error"]
            painter.brush.set()
            await painter.light()
            async with asyncio.timeout(60):
                while (await own(hub, "jobs"))["jobs"][0]["state"] != "done":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

    async def test_a_second_loss_is_the_end_with_the_reason(self, tmp_path: Path) -> None:
        one, other = Painter(WAVE), Painter(WAVE)
        one.brush.clear()
        other.brush.clear()
        async with shore(tmp_path, one, other) as hub, talking(hub) as talk:
            await ready(hub, 3)
            await talk.ask(**FAR)
            await until(lambda: one.begun or other.begun)
            first, second = (one, other) if one.begun else (other, one)
            await first.darken()
            await second.until_begun()
            await second.darken()
            frame = await talk.until("error")
            assert frame["error"] == "The lighthouse has gone dark."


class TestSilence:
    async def test_a_silent_engine_loses_its_work_to_another_once(self, tmp_path: Path) -> None:
        silent, other = Painter(WAVE), Painter(WAVE)
        silent.mute = True
        async with shore(tmp_path, silent, other) as hub:
            await ready(hub, 3)
            async with talking(hub) as talk:
                await talk.ask(**{**FAR, "images": 2})
                await talk.until(lambda frame: len(talk.of("image")) == 2)
            assert len(silent.begun) == 1 and len(other.drawn) == 2
            detail = await own(hub, "jobs/detail", job=(await own(hub, "jobs"))["jobs"][0]["job"])
            (requeued,) = [moment for moment in detail["timeline"] if moment["event"] == "requeued"]
            assert "no sign of life" in requeued["what"]["reason"]
            assert detail["job"]["state"] == "done"

    async def test_nothing_new_goes_to_it(self, tmp_path: Path) -> None:
        silent, other = Painter(WAVE, slots=3), Painter(WAVE, slots=3)
        silent.mute = True
        async with shore(tmp_path, silent, other) as hub:
            await ready(hub, 3)
            async with talking(hub) as talk:
                await talk.ask(**{**FAR, "exactbackendid": "1"})
                await until(lambda: hub.room(Pool).states()[1].status == "silent")
                made = await hub.call("GenerateText2Image", **{**FAR, "images": 3})
                assert len(made["images"]) == 3 and len(silent.begun) == 1
                await hub.call("InterruptAll", other_sessions=True)

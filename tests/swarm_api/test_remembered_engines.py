"""What is known of engines over a restart of the hub: what they had, and how fast they were."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from backends.pool import Pool
from hub.jobs import Jobs
from tests.hub.running import RunningHub
from tests.swarm_api.painting import FOAM, WAVE, Painter, shore
from tests.swarm_api.sketching import SMALL, talking

FAR: dict[str, Any] = {**SMALL, "model": WAVE.name}


async def until_known(hub: RunningHub) -> None:
    """Wait until the engine has said what it has."""
    async with asyncio.timeout(60):
        while not any(state.status == "running" for state in hub.room(Pool).states()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def names(hub: RunningHub) -> set[str]:
    listed = (await hub.call("ListModels", path="", depth=9))["files"]
    return {model["name"] for model in listed}


@pytest.fixture
async def known(tmp_path: Path) -> Any:
    """A data folder whose hub has known the painter, who is gone since; and the painter."""
    painter = Painter(WAVE, FOAM)
    async with shore(tmp_path, painter, here=False) as hub:
        await until_known(hub)
        async with talking(hub) as talk:
            await talk.ask(**FAR)
            await talk.until("image", seconds=60)
        (before,) = hub.room(Jobs).engine_figures()
        assert before.seconds_an_image
    return tmp_path, painter, before


async def test_its_models_are_asked_for_before_it_answers(known: Any) -> None:
    data, painter, _ = known
    async with shore(data, painter, here=False) as hub:
        assert WAVE.name in await names(hub)
        async with talking(hub) as talk:
            await talk.ask(**FAR)
            await talk.until(lambda frame: frame.get("status", {}).get("waiting_gens"), seconds=60)
            assert talk.of("error") == []
            await painter.light()
            await talk.until("image", seconds=60)
            assert talk.of("error") == []


async def test_what_it_turns_out_not_to_have_is_refused_with_the_reason(known: Any) -> None:
    data, painter, _ = known
    async with shore(data, painter, here=False) as hub, talking(hub) as talk:
        await talk.ask(**FAR)
        await talk.until(lambda frame: frame.get("status", {}).get("waiting_gens"), seconds=60)
        painter.models = (FOAM,)
        await painter.light()
        told = await talk.until("error", seconds=60)
        assert f"does not have the model {WAVE.name}" in told["error"]
        assert WAVE.name not in await names(hub)


async def test_with_another_address_nothing_is_known(known: Any) -> None:
    data, painter, _ = known
    async with shore(data, painter, here=False) as hub:
        await hub.call("EditBackend", backend_id=0, title="x", settings={"Address": "127.0.0.1:9"})
        assert WAVE.name not in await names(hub)


async def test_how_fast_it_is_is_known_from_the_start(known: Any) -> None:
    data, painter, before = known
    async with shore(data, painter, here=False) as hub:
        (now,) = hub.room(Jobs).engine_figures()
        assert now.seconds_an_image == before.seconds_an_image


async def test_a_model_whose_engine_is_switched_off_is_refused_with_that(known: Any) -> None:
    data, painter, _ = known
    async with shore(data, painter, here=False) as hub:
        await painter.light()
        await until_known(hub)
        await hub.call("ToggleBackend", backend_id=0, enabled=False)
        refused = await hub.call("GenerateText2Image", **FAR)
        assert refused["field"] == "model"
        words = f"only Beacon (backend 0) has '{WAVE.name}', and it is switched off; an administrator can"
        assert words in refused["error"]
        unknown = await hub.call("GenerateText2Image", **{**FAR, "model": "nobody has it"})
        assert "are you sure that model name is correct?" in unknown["error"]

"""Tags that name what is not there: the picture is drawn without them, its owner is told (swarm-api §8)."""

import json

import pytest
from PIL import Image

from hub.media import Media
from tests.swarm_api.sketching import SETTINGS, SMALL, Tenant, talking, tenant
from tests.swarm_api.test_grids import USUAL as GRID
from tests.swarm_api.test_grids import axis
from tests.swarm_api.test_image_batches import USUAL as BATCH

pytestmark = [pytest.mark.asyncio(loop_scope="module")]
HUB_SETTINGS = SETTINGS
hub = tenant
LOST = "a red <lora:gone:0.5><wildcard:gone><preset:gone><embed:gone>cat <var:gone>"
NAMED = ["<lora:gone:0.5>", "<wildcard:gone>", "<preset:gone>", "<embed:gone>", "<var:gone>"]


async def test_told_on_the_socket_in_a_sign_of_life_and_in_the_metadata(hub: Tenant) -> None:
    async with talking(hub) as talk:
        await talk.ask(prompt=LOST)
        picture = await talk.until("image")
        told = [frame for frame in talk.frames if "warnings" in frame]
        assert len(told) == 1 and told[0]["keep_alive"] is True and "error" not in told[0]
        assert [warning.split(" was left out of Prompt: ")[0] for warning in told[0]["warnings"]] == NAMED
        assert told[0]["request_id"] == picture["request_id"]
        assert "status" in talk.frames[0], "as every client expects"
        metadata = json.loads(picture["metadata"])
        assert metadata["sui_extra_data"]["prompt_warnings"] == told[0]["warnings"]
        assert metadata["sui_extra_data"]["original_prompt"] == LOST
        assert metadata["sui_image_params"]["prompt"] == "a red cat "
        await talk.ask(prompt="a blue cat")
        await talk.until("image")
        assert len([frame for frame in talk.frames if "warnings" in frame]) == 1


async def test_told_over_http_and_among_the_job_s_events(hub: Tenant) -> None:
    answer = await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red <lora:gone>"})
    assert len(answer["images"]) == 1 and "<lora:gone> was left out" in answer["warnings"][0]
    assert "warnings" not in await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red"})
    jobs = (await hub.post("/hub/v1/jobs", {"session_id": hub.session, "words": "red"})).json()["jobs"]
    body = {"session_id": hub.session, "job": jobs[-1]["job"]}
    moments = (await hub.post("/hub/v1/jobs/detail", body)).json()["timeline"]
    queued = next(moment for moment in moments if moment["event"] == "queued")
    assert queued["what"]["warnings"] == answer["warnings"]


async def test_told_before_a_grid_and_a_batch(hub: Tenant) -> None:
    base = {key: value for key, value in SMALL.items() if key != "images"}
    axes = [axis("prompt", "red <lora:gone>||blue <lora:gone>"), axis("seed", "1,2")]
    frames = await hub.talk("GridGenRun", **GRID, baseParams=base, gridAxes=axes)
    (told,) = [frame["warnings"] for frame in frames if "warnings" in frame]
    assert len(told) == 1 and frames[-1]["images"] == 4
    home = hub.room(Media).outputs.home(hub.user) / "mine"
    home.mkdir(parents=True)
    Image.new("RGB", (64, 64), "red").save(home / "one.png")
    asked = {**BATCH, "baseParams": {**base, "prompt": "<wildcard:gone>"}}
    frames = await hub.talk("ImageBatchRun", **asked)
    (told,) = [frame["warnings"] for frame in frames if "warnings" in frame]
    assert "no such wildcard" in told[0] and frames[-1]["images"] == 1

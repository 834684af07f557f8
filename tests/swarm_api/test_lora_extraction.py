"""DoLoraExtractionWS: two models become a LoRA that the engine draws with, or a refusal and no trace."""

import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from backends import extracting
from hub.catalog import Catalog
from tests.backends.diffusers_local.conftest import build_pipeline
from tests.backends.diffusers_local.extraction.test_extraction import tune
from tests.hub.running import RunningHub
from tests.swarm_api.comfying import until

ROUTE = "DoLoraExtractionWS"
ASKED: dict[str, Any] = {"baseModel": "plain", "otherModel": "tuned", "rank": 4, "outName": "sub/made"}


def top(hub: RunningHub, subtype: str) -> Path:
    return hub.app.board.settings.folders.models[0] / subtype


async def fill(hub: RunningHub) -> None:
    """A model and one tuned from it."""
    pipeline = build_pipeline()
    pipeline.save_pretrained(top(hub, "Stable-Diffusion") / "plain")
    tune(pipeline, ("unet", "text_encoder"))
    pipeline.save_pretrained(top(hub, "Stable-Diffusion") / "tuned")
    await hub.room(Catalog).refresh()


def left(hub: RunningHub) -> list[str]:
    folder = top(hub, "LoRA")
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def drawn(hub: RunningHub, **asked: Any) -> "np.ndarray[Any, np.dtype[np.int16]]":
    request = {"prompt": "a red circle", "images": 1, "width": 64, "height": 64, "steps": 3, "seed": 5}
    answer = await hub.call("GenerateText2Image", donotsave=True, **request, **asked)
    data = base64.b64decode(answer["images"][0].partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.int16)


async def test_the_lora_draws_what_the_tuned_model_draws(hub: RunningHub) -> None:
    await fill(hub)
    *frames, last = await hub.talk(ROUTE, **ASKED)
    assert last["complete"] is True and last["name"] == "sub/made.safetensors"
    assert last["held"] > 0.999 and last["left_out"] == 0 and "sub/made" in last["status"]
    assert last["bytes"] == (top(hub, "LoRA") / "sub/made.safetensors").stat().st_size
    assert frames and all(set(frame) == {"status", "current_percent"} for frame in frames)
    assert left(hub) == ["sub/made.safetensors"]
    listed = (await hub.call("ListModels", path="", depth=9, subtype="LoRA"))["files"]
    assert [one["title"] for one in listed] == ["made"]

    wanted = await drawn(hub, model="tuned")
    ours = await drawn(hub, model="plain", loras="sub/made", loraweights="1")
    plain = await drawn(hub, model="plain")
    assert np.abs(ours - wanted).max() <= 1
    assert not np.array_equal(plain, wanted)

    (again,) = (frame for frame in await hub.talk(ROUTE, **ASKED) if "error" in frame)
    assert again["field"] == "outName" and "already" in again["error"]


async def test_what_is_refused_before_anything_begins(hub: RunningHub) -> None:
    await fill(hub)
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"baseModel": "gone"}, "baseModel", "Model not found"),
        ({"otherModel": "gone"}, "otherModel", "Model not found"),
        ({"otherModel": "plain"}, "otherModel", "Both models are the same"),
        ({"rank": 0}, "rank", "rank"),
        ({"rank": 100_000}, "rank", "rank"),
        ({"outName": "../over"}, "outName", "cannot be a model's name"),
    ]
    for changed, field, words in cases:
        frames = await hub.talk(ROUTE, **(ASKED | changed))
        assert frames[-1]["field"] == field and words in frames[-1]["error"]
    assert left(hub) == []
    session = await hub.session_as("user")
    (frame,) = await hub.talk(ROUTE, **ASKED, session_id=session)
    assert frame["error_id"] == "bad_permissions"


async def test_a_reason_of_the_process_is_told_and_nothing_is_left(hub: RunningHub) -> None:
    await fill(hub)
    weights = top(hub, "Stable-Diffusion") / "tuned/unet/diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    frames = await hub.talk(ROUTE, **ASKED)
    assert frames[-1]["error"].startswith("The LoRA could not be extracted: one of the models cannot be read")
    assert left(hub) == []


async def test_closing_the_socket_ends_it_and_leaves_nothing(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extracting, "MODULE", "tests.swarm_api.endless_extraction")
    await fill(hub)
    part = top(hub, "LoRA") / "sub/.made.safetensors.extracting"
    async with hub.socket(f"/API/{ROUTE}") as socket:
        await socket.send(json.dumps({"session_id": hub.session, **ASKED}))
        while "Extracted 1 of 2" not in json.loads(await socket.recv())["status"]:
            pass
        process = int(part.read_text())
        (second,) = (one for one in await hub.talk(ROUTE, **(ASKED | {"outName": "b"})) if "error" in one)
        assert "already" in second["error"]
    await until(lambda: not part.exists() and not _lives(process), seconds=60)
    assert left(hub) == []


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True

"""Every documented key of the metadata (swarm-api §7) is written, read back in every format, and asks for the
same picture again."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hub.media import Media, read_text
from tests.hub.media.test_stealth import reveal
from tests.hub.running import RunningHub
from tests.swarm_api.test_local_engine import hub

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {"engines.threads": "1"}
__all__ = ["hub"]
FORMATS = {"PNG": "png", "JPG": "jpg", "WEBP": "webp", "WEBP_LOSSLESS": "webp"}
EXTRA = {
    "date",
    "prep_time",
    "generation_time",
    "original_prompt",
    "original_negativeprompt",
    "presets_used",
    "used_wildcards",
    "used_embeddings",
    "prompted_loras",
    "unused_parameters",
    "custom_title",
    "custom_list",
}
Pixels = np.ndarray[Any, np.dtype[np.uint8]]


async def rich(hub: RunningHub, **more: Any) -> dict[str, Any]:
    """A request whose picture has everything to tell that there is to tell."""
    await hub.call("EditWildcard", card="colours", options="red\ngreen\nblue")
    few = {
        "title": "Few",
        "description": "",
        "param_map": {"steps": "3", "prompt": "{value}, \u00e4 \u2603 big"},
    }
    await hub.call("AddNewPreset", **few, is_edit=True)
    return {
        "images": 1,
        "width": 128,
        "height": 128,
        "seed": 2**53 + 1,
        "deterministic": True,
        "prompt": 'a <wildcard:colours> circle "quoted" <embed:odd><lora:wild:0.5><base><lora:wild:0.25>',
        "negativeprompt": "<random:blur,noise>",
        "presets": ["Few"],
        "refinercontrolpercentage": 0.4,
        "personalnote": "line one\nline two \\ and </script>",
        "extra_metadata": {"custom_title": "\u00fcber \u4e2d", "custom_list": ["a", "b"]},
        "maskblur": 6,  # over no init image
        **more,
    }


async def drawn(hub: RunningHub, **asked: Any) -> tuple[Path, Any]:
    """The file of the finished picture, and the metadata as it was told on the socket."""
    frames = await hub.talk("GenerateText2ImageWS", **asked)
    shown = [frame for frame in frames if "image" in frame and frame["batch_index"] == "0"]
    assert shown, frames[-4:]
    media = hub.room(Media)
    user = shown[0]["image"].split("/")[1]
    return media.gallery.file(user, shown[0]["image"]), shown[0]["metadata"]


def pixels(file: Path) -> Pixels:
    with Image.open(BytesIO(file.read_bytes())) as opened:
        return np.asarray(opened.convert("RGB"))


@pytest.mark.parametrize("form", FORMATS)
async def test_every_key_is_in_the_file_and_asks_for_the_same_again(hub: RunningHub, form: str) -> None:
    file, told = await drawn(hub, **await rich(hub, imageformat=form))
    assert file.suffix == f".{FORMATS[form]}"
    kept = read_text(file)
    assert kept == told
    block = json.loads(told)
    params, extra, models = block["sui_image_params"], block["sui_extra_data"], block["sui_models"]
    assert EXTRA <= set(extra), EXTRA - set(extra)
    assert extra["custom_title"] == "\u00fcber \u4e2d"
    assert extra["presets_used"] == ["Few"]
    assert extra["used_wildcards"] == ["colours"]
    assert extra["prompted_loras"] == ["wild", "wild"]
    assert "<wildcard:colours>" in extra["original_prompt"]
    assert params["seed"] == 2**53 + 1
    assert params["personalnote"] == "line one\nline two \\ and </script>"
    assert {"swarm_version", "prompt", "model", "loras", "lorasectionconfinement", "wildcardseed"} <= set(
        params
    )
    assert {"name", "param", "hash"} == set(models[0])
    assert {one["param"] for one in models} == {"model", "loras", "prompt"}
    listed = (await hub.call("ListImages", path="", depth=5))["files"]
    assert kept in [one["metadata"] for one in listed]
    del params["swarm_version"]
    again, told_again = await drawn(hub, images=1, **params)
    assert np.array_equal(pixels(file), pixels(again))
    same = json.loads(told_again)["sui_image_params"]
    assert {key: value for key, value in same.items() if key != "swarm_version"} == params


@pytest.mark.parametrize("mode", ["Alpha", "RGB"])
async def test_it_is_in_the_pixels_too_on_wish(hub: RunningHub, mode: str) -> None:
    await hub.call("ChangeUserSettings", settings={"FileFormat.StealthMetadata": mode})
    try:
        file, told = await drawn(hub, **await rich(hub, imageformat="PNG", width=256, height=256))
    finally:
        await hub.call("ChangeUserSettings", settings={"FileFormat.StealthMetadata": "false"})
    with Image.open(file) as opened:
        assert reveal(opened, mode) == told == read_text(file)


async def test_a_picture_on_the_way_says_so(hub: RunningHub) -> None:
    asked = await rich(hub, outputintermediateimages=True)
    frames = [frame for frame in await hub.talk("GenerateText2ImageWS", **asked) if "image" in frame]
    assert [frame["batch_index"] for frame in frames] == ["-11", "0"]
    file = hub.room(Media).gallery.file(frames[0]["image"].split("/")[1], frames[0]["image"])
    block = json.loads(read_text(file) or "")
    assert block["sui_extra_data"]["intermediate"] == "true"
    assert EXTRA <= set(block["sui_extra_data"])


async def test_without_metadata_there_is_none(hub: RunningHub) -> None:
    await hub.call("ChangeUserSettings", settings={"FileFormat.SaveMetadata": False})
    try:
        file, told = await drawn(hub, **await rich(hub))
    finally:
        await hub.call("ChangeUserSettings", settings={"FileFormat.SaveMetadata": True})
    assert (told, read_text(file)) == (None, None)

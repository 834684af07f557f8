"""A picture's own metadata, sent again, gives the same picture: to the pixel, whatever chance decided."""

import json
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {"engines.threads": "1"}
SMALL: dict[str, Any] = {"steps": 4, "width": 128, "height": 128, "deterministic": True}
Pixels = np.ndarray[Any, np.dtype[np.uint8]]


@pytest.fixture
def hub(shared_hub: RunningHub) -> RunningHub:
    return shared_hub


async def draw(hub: RunningHub, **params: Any) -> list[tuple[Pixels, dict[str, Any]]]:
    """The finished pictures with what they say about themselves, in the order of their seeds."""
    answer = await hub.call("GenerateText2Image", **params)
    assert "images" in answer, answer
    drawn = []
    for address in answer["images"]:
        file = await hub.http.get(f"/{address}")
        with Image.open(BytesIO(file.content)) as image:
            drawn.append((np.asarray(image.convert("RGB")), json.loads(image.info["parameters"])))
    return sorted(drawn, key=lambda one: one[1]["sui_image_params"]["seed"])


def again(metadata: dict[str, Any]) -> dict[str, Any]:
    given = dict(metadata["sui_image_params"])
    del given["swarm_version"]
    return given | {"images": 1}


@pytest.mark.parametrize(
    "given",
    [
        {"prompt": "a <random:red,green,blue,white,black,yellow> circle"},
        {"prompt": "a <wildcard:colours> circle", "negativeprompt": "<random:red,blue>", "cfgscale": 4},
        {"prompt": "a <alternate:red,blue> <fromto[0.5]:circle,square>"},
        {"prompt": "a circle<base>, red<refiner>, <random:blue,green>", "refinerupscale": 1.5},
        {"prompt": "<preset:few> a <random:red,green,blue> circle", "variationseedstrength": 0.3},
        {"prompt": "a circle", "presets": ["few"], "sampler": "euler_ancestral"},
    ],
)
async def test_sent_again_it_is_the_same_picture(hub: RunningHub, given: dict[str, Any]) -> None:
    await hub.call("EditWildcard", card="colours", options="red\ngreen\nblue")
    few = {"title": "few", "description": "", "param_map": {"steps": "3", "prompt": "big {value}"}}
    await hub.call("AddNewPreset", **few, is_edit=True)
    drawn = await draw(hub, **{**SMALL, **given, "images": 3, "seed": 41})
    assert [one[1]["sui_image_params"]["seed"] for one in drawn] in ([41, 42, 43], [41, 41, 41])
    for pixels, metadata in drawn:
        ((same, told),) = await draw(hub, **again(metadata))
        assert np.array_equal(pixels, same)
        assert {"images": 3} | told["sui_image_params"] == metadata["sui_image_params"]


async def test_the_prompt_with_its_tags_is_kept(hub: RunningHub) -> None:
    prompt = "a <random:red,green,blue,white,black,yellow> circle"
    drawn = await draw(hub, **{**SMALL, "prompt": prompt, "images": 4, "seed": 41})
    assert {one[1]["sui_extra_data"]["original_prompt"] for one in drawn} == {prompt}
    assert len({one[1]["sui_image_params"]["prompt"] for one in drawn}) > 1
    pixels, metadata = drawn[2]
    ((same, _),) = await draw(hub, **(again(metadata) | {"prompt": prompt}))
    assert np.array_equal(pixels, same)

"""Model folders of every family, known by what is in them, drawn over HTTP with the wishes of their class."""

import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from hub.settings import Settings
from tests.backends.diffusers_local.flow import build_flux, build_sd3
from tests.backends.diffusers_local.stock_models import BUILD, build
from tests.backends.diffusers_local.xl import build_xl
from tests.hub.chaining import refreshed
from tests.hub.running import RunningHub

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]
HUB_SETTINGS = {"engines.threads": "1"}
SMALL: dict[str, Any] = {"images": 1, "prompt": "red circle", "seed": 5, "width": 64, "height": 64}

KNOWN = {
    "flux": "Flux.1-dev",
    "sd3": "stable-diffusion-v3.5-medium",
    "xl": "stable-diffusion-xl-v1-base",
    "auraflow": "auraflow-v1",
    "chroma": "chroma",
    "cogview4": "cogview-4",
    "hunyuan_dit": "hunyuan-dit",
    "lumina2": "lumina-2",
    "pixart_alpha": "pixart-alpha-xl-2",
    "pixart_sigma": "pixart-ms-sigma-xl-2",
    "qwen_image": "qwen-image",
    "sana": "nvidia-sana-1600",
    "sana_sprint": "nvidia-sana-sprint",
    "z_image": "z-image",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(shared_hub: RunningHub) -> AsyncIterator[RunningHub]:
    """A hub with a tiny model of random weights of each family."""
    (models,) = shared_hub.drawing.room(Settings).folders.models
    folder = models / "Stable-Diffusion"
    for name, pipeline in (("flux", build_flux()), ("sd3", build_sd3()), ("xl", build_xl())):
        pipeline.save_pretrained(folder / name)
    for name in BUILD:
        build(name).save_pretrained(folder / name)
    await refreshed(shared_hub)
    yield shared_hub


async def ask(hub: RunningHub, **params: Any) -> Any:
    return await hub.call("GenerateText2Image", **{**SMALL, **params})


async def test_each_is_known_by_its_parts(hub: RunningHub) -> None:
    listed = (await hub.call("ListModels", path="", depth=2))["files"]
    found = {model["name"]: model["architecture"] for model in listed if model["name"] != "starter"}
    assert found == KNOWN and set(BUILD) <= set(KNOWN)


@pytest.mark.parametrize("name", sorted(KNOWN))
async def test_each_is_drawn_as_its_class_wants(hub: RunningHub, name: str) -> None:
    answer = await ask(hub, model=name, steps=2)
    assert "images" in answer, answer
    file = await hub.http.get(f"/{answer['images'][0]}")
    with Image.open(BytesIO(file.content)) as image:
        told = json.loads(image.info["parameters"])["sui_image_params"]
        assert image.size == (64, 64)
    assert told["model"] == name
    again = await ask(hub, **{**told, "images": 1})
    assert "images" in again, again


async def test_what_its_class_cannot_is_refused_by_name(hub: RunningHub) -> None:
    answer = await ask(hub, model="sana", sampler="ddpm", steps=2)
    assert answer["field"] == "sampler" and "nvidia-sana-1600" in answer["error"]
    answer = await ask(hub, model="flux", sampler="euler", scheduler="turbo", steps=2)
    assert answer["field"] == "scheduler" and "simple" in answer["limit"]


async def test_wishes_of_a_class(hub: RunningHub) -> None:
    listed = (await hub.call("ListModels", path="", depth=2))["files"]
    wishes = {model["name"]: model["defaults"] for model in listed}
    assert wishes["flux"]["cfgscale"] == 1.0 and wishes["sd3"]["cfgscale"] == 4.5
    assert wishes["xl"]["cfgscale"] is None

"""What no engine here can do is refused with the parameter's name, over HTTP and over the socket."""

from base64 import b64encode
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from hub.params import Registry
from hub.params.spec import Param
from hub.params.unserved import PARAMS
from tests.swarm_api.sketching import SETTINGS, SMALL, Tenant, talking, tenant

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = SETTINGS
hub = tenant

CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"refinerupscale": 2}, "refinerupscale", "refiners (for Refiner Upscale)"),
    ({"vaetilesize": 512}, "vaetilesize", "vae_tiling (for VAE Tile Size)"),
    ({"seamlesstileable": "true"}, "seamlesstileable", "seamless (for Seamless Tileable)"),
    ({"seamlesstileable": "X-Only", "vaetilesize": 512}, "seamlesstileable", "seamless"),
]


@pytest.mark.parametrize(("params", "field", "words"), CASES)
async def test_refused_over_http(hub: Tenant, params: dict[str, Any], field: str, words: str) -> None:
    answer = await hub.call("GenerateText2Image", **SMALL, prompt="red", **params)
    assert answer["field"] == field and words in answer["error"]
    assert hub.room is not None and (await hub.call("GetCurrentStatus"))["status"]["waiting_gens"] == 0


def changed(param: Param) -> str:
    """A value that says something else than leaving the parameter out."""
    if param.type == "boolean":
        return "false" if param.ignore == "true" else "true"
    if param.type in ("integer", "decimal"):
        return str(param.min if str(param.max) == param.ignore else param.max)
    values = ("doodle",) if param.type == "model" else param.values or ()
    return next((value for value in values if value != param.ignore), "x")


def dot() -> str:
    """A picture of one pixel, as base64."""
    with BytesIO() as file:
        Image.new("RGB", (1, 1)).save(file, "PNG")
        return b64encode(file.getvalue()).decode()


OF_PROMPTS = ("regionalprompting", "segmentrefining", "segmentparamoverrides")
ASKING = [param for param in PARAMS if param.asked_of_engines and param.group not in OF_PROMPTS]


@pytest.mark.parametrize("param", ASKING, ids=lambda param: param.id)
async def test_nothing_documented_is_silently_dropped(hub: Tenant, param: Param) -> None:
    shaped = hub.room(Registry).params.get(param.depend_non_default or "")
    asked = {} if shaped is None else {shaped.id: changed(shaped)}
    value = f"data:image/png;base64,{dot()}" if param.type == "image" else changed(param)
    answer = await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red", **asked, param.id: value})
    names = [param.name] if shaped is None else [param.name, shaped.name]
    assert any(name in answer["error"] for name in names), answer


async def test_refused_over_the_socket_which_lives_on(hub: Tenant) -> None:
    async with talking(hub) as talk:
        await talk.ask(prompt="red", refinerupscale=2)
        refusal = await talk.until("error")
        assert refusal["field"] == "refinerupscale"
        await talk.ask(prompt="red", refinerupscale=1, seamlesstileable="false", refinermodel="(Use Base)")
        assert await talk.until("image")

"""What no engine here can do is refused with the parameter's name, over HTTP and over the socket."""

from typing import Any

import pytest

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


async def test_refused_over_the_socket_which_lives_on(hub: Tenant) -> None:
    async with talking(hub) as talk:
        await talk.ask(prompt="red", refinerupscale=2)
        refusal = await talk.until("error")
        assert refusal["field"] == "refinerupscale"
        await talk.ask(prompt="red", refinerupscale=1, seamlesstileable="false", refinermodel="(Use Base)")
        assert await talk.until("image")

"""`noloadmodels`: only an engine that holds the model already (swarm-api §5.3)."""

import pytest

from tests.swarm_api.sketching import SETTINGS, SMALL, Tenant, tenant

pytestmark = [pytest.mark.asyncio(loop_scope="module")]
HUB_SETTINGS = SETTINGS
hub = tenant


async def test_only_what_is_loaded_draws(hub: Tenant) -> None:
    asked = {**SMALL, "prompt": "red", "noloadmodels": True}
    refused = await hub.call("GenerateText2Image", **asked)
    assert refused["field"] == "noloadmodels"
    assert "has not loaded the model doodle, and No Load Models is on." in refused["error"]
    assert (await hub.call("GenerateText2Image", **{**asked, "noloadmodels": False}))["images"]
    assert await hub.call("SelectModel", model="doodle") == {"success": True}
    assert (await hub.call("GenerateText2Image", **asked))["images"]

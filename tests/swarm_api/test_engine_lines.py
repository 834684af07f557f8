"""An engine's own settings, written behind its type in the settings of the hub."""

import pytest

from tests.hub.running import RunningHub


@pytest.mark.hub_settings("engines.types=diffusers_local previews=none device=cpu", "engines.threads=1")
async def test_an_engine_takes_its_settings_from_its_line(hub: RunningHub) -> None:
    frames = await hub.talk("GenerateText2ImageWS", images=1, prompt="red", steps=3, width=64, height=64)
    assert any("image" in frame for frame in frames)
    assert not any("preview" in frame.get("gen_progress", {}) for frame in frames)


@pytest.mark.hub_settings("engines.types=diffusers_local colour=red", "engines.threads=1")
async def test_a_setting_that_an_engine_has_not_is_told_to_who_asks(hub: RunningHub) -> None:
    answer = await hub.call("GenerateText2Image", images=1, prompt="red", steps=1)
    assert "has no setting 'colour'; it has: device, " in answer["error"]

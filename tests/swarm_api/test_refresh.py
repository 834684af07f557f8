"""TriggerRefresh looks at the disk: for those who may, and not twice within ten seconds."""

from hub.catalog import Catalog
from tests.hub.catalog.conftest import write_safetensors
from tests.hub.running import RunningHub


def catalog_age(hub: RunningHub, seconds: float) -> None:
    """Make the last look at the disk lie this long ago."""
    catalog = hub.room(Catalog)
    assert catalog._refreshed is not None
    catalog._refreshed -= seconds


async def test_a_new_model_is_found_but_not_twice_in_ten_seconds(hub: RunningHub) -> None:
    folder = hub.app.board.settings.folders.models[0] / "LoRA"
    catalog_age(hub, 60)
    write_safetensors(folder / "one.safetensors")
    assert (await hub.call("TriggerRefresh"))["models"]["LoRA"] == [["one.safetensors", None]]
    write_safetensors(folder / "two.safetensors")
    assert len((await hub.call("TriggerRefresh"))["models"]["LoRA"]) == 1
    catalog_age(hub, 11)
    assert len((await hub.call("TriggerRefresh", strong=False))["models"]["LoRA"]) == 1
    assert len((await hub.call("TriggerRefresh", refreshType="wildcards"))["models"]["LoRA"]) == 1
    assert len((await hub.call("TriggerRefresh", strong="true"))["models"]["LoRA"]) == 2


async def test_without_the_right_it_only_lists(hub: RunningHub) -> None:
    folder = hub.app.board.settings.folders.models[0] / "LoRA"
    catalog_age(hub, 60)
    write_safetensors(folder / "one.safetensors")
    session = await hub.session_as("user")
    assert (await hub.call("TriggerRefresh", session_id=session))["models"]["LoRA"] == []

"""LoRAs with weights, a painted mask and a picture drawn over, chosen on the page and drawn by the engine."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from safetensors.torch import save_file

from backends.diffusers_local.engine import ENGINE
from tests.browser.conftest import OpenTab
from tests.browser.hub_process import HubProcess
from tests.browser.tab import Tab
from tests.swarm_api.addons import a_lora

pytestmark = pytest.mark.browser

GREEN = (0, 128, 0)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub with one LoRA for the shipped model."""
    data = tmp_path_factory.mktemp("browser") / "data"
    (starter,) = ENGINE.builtin_models
    loras = data / "models" / "LoRA"
    loras.mkdir(parents=True)
    unet = UNet2DConditionModel.from_pretrained(starter / "unet", torch_dtype=torch.float32)
    save_file(a_lora(unet), loras / "wild.safetensors")
    process = HubProcess(data)
    process.start()
    yield process
    process.stop()


async def drawn(tab: Tab, count: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    await tab.generate()
    await tab.until("done", count)
    return np.asarray(await tab.picture())


async def test_a_lora_is_chosen_weighed_and_left_out(open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.write("a red circle on blue", seed="7", steps="6")
    plain = await drawn(tab, 1)
    await tab.page.select_option("#field-loras", label="wild")
    weight = tab.page.get_by_role("textbox", name="Weight of wild")
    await weight.fill("0.8")
    await weight.press("Tab")
    worn = await drawn(tab, 2)
    assert not np.array_equal(plain, worn)
    await tab.page.get_by_role("button", name="Reuse parameters").click()
    assert await weight.input_value() == "0.8"
    await weight.fill("much")
    await weight.press("Tab")
    await tab.generate()
    await tab.page.wait_for_selector("#fault-loras")
    await tab.page.get_by_role("button", name="Leave out wild").click()
    again = await drawn(tab, 3)
    # Not asked to be deterministic, a picture may differ by one level from itself (docs/engine.md).
    assert int(np.abs(again.astype(int) - plain.astype(int)).max()) <= 1


async def test_only_what_is_painted_is_redrawn(open_tab: OpenTab, tmp_path: Path) -> None:
    Image.new("RGB", (256, 256), GREEN).save(tmp_path / "green.png")
    tab = await open_tab()
    await tab.write("a red circle on blue", seed="7", steps="6")
    await tab.page.click("#group-initimage")
    await tab.page.set_input_files("#field-initimage", tmp_path / "green.png")
    await tab.page.fill("#field-initimagecreativity", "1")
    canvas = tab.page.locator("canvas")
    await canvas.scroll_into_view_if_needed()
    box = await canvas.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.75, box["y"]
    await tab.page.mouse.move(x, y + box["height"] * 0.2)
    await tab.page.mouse.down()
    await tab.page.mouse.move(x, y + box["height"] * 0.8, steps=5)
    await tab.page.mouse.up()
    picture = await drawn(tab, 1)
    assert (picture[:, :128] == GREEN).all() and (picture[128, 192] != GREEN).any()
    await tab.page.get_by_role("button", name="Draw over it").click()
    shown = tab.page.locator("#in-initimage img[alt='The chosen file']")
    assert "/raw/" in str(await shown.get_attribute("src"))
    await drawn(tab, 2)

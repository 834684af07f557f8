"""What waits says why: the reason stands beside the tile as long as the image waits."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenTab
from tests.browser.test_refusals import call
from tests.comfy.server import Settings
from tests.comfy.serving import serving

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_reason_stands_on_the_tile_of_an_image_that_waits(open_tab: OpenTab, width: int) -> None:
    tab = await open_tab(width)
    async with serving(Settings(stuck=1)) as comfy:  # the first image never gets on
        engine = (await call(tab, "AddNewBackend", type_id="comfyui_api"))["id"]
        try:
            settings = {"Address": comfy.url, "OverQueue": 0}
            await call(tab, "EditBackend", backend_id=engine, title="Cellar", settings=settings)
            async with asyncio.timeout(60):
                while (await call(tab, "ListBackends"))[str(engine)]["status"] != "running":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            tab = await open_tab(width)  # which reads the models anew
            await tab.page.get_by_label("Model", exact=True).select_option("mini-sd15.safetensors")
            await tab.write("a cup")
            await tab.generate()
            await tab.until("running", 1)
            await tab.generate()
            waiting = tab.cells("waiting")
            told = waiting.get_by_role("list", name="Why image 1 waits")
            await expect(told).to_contain_text(
                f"Cellar (backend {engine}) is busy with 1 image.", timeout=60_000
            )
            assert await told.count() == 1

            await tab.page.get_by_role("button", name="Stop image 1").last.click()
            await tab.until("done", 1)
            await expect(tab.page.get_by_role("list", name="Why image 1 waits")).to_have_count(0)
        finally:
            await call(tab, "InterruptAll", other_sessions=True)
            await call(tab, "DeleteBackend", backend_id=engine)

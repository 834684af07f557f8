"""Models that only an engine elsewhere has: offered, drawn with, and not chosen for somebody new."""

import asyncio

import pytest

from tests.browser.conftest import OpenTab
from tests.browser.test_refusals import call
from tests.comfy.serving import serving

pytestmark = pytest.mark.browser


async def test_a_newcomer_starts_with_a_model_of_this_machine(open_tab: OpenTab) -> None:
    tab = await open_tab(1280)
    async with serving() as comfy:
        engine = (await call(tab, "AddNewBackend", type_id="comfyui_api"))["id"]
        try:
            settings = {"Address": comfy.url}
            await call(tab, "EditBackend", backend_id=engine, title="", settings=settings)
            async with asyncio.timeout(60):
                while (await call(tab, "ListBackends"))[str(engine)]["status"] != "running":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            await tab.page.evaluate("localStorage.clear()")  # it remembers the model used last
            newcomer = await open_tab(1280)
            model = newcomer.page.get_by_label("Model", exact=True)
            offered = await model.locator("option").all_inner_texts()
            assert offered[0].startswith("mini-sd15") and len(offered) == 3
            assert await model.input_value() == "starter"
            await model.select_option("mini-sd15.safetensors")
            await newcomer.write("a cup")
            await newcomer.generate()
            await newcomer.until("done", 1)
        finally:
            await call(tab, "DeleteBackend", backend_id=engine)

"""What nobody can draw: the page tells why, in lines as the hub sent them."""

from typing import Any

import pytest

from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab

pytestmark = pytest.mark.browser

CALL = """async ([name, body]) => (await fetch(`API/${name}`, {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify(body),
})).json()"""


async def call(tab: Tab, name: str, **body: Any) -> Any:
    return await tab.page.evaluate(CALL, [name, {"session_id": await tab.session(), **body}])


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_refusal_has_a_line_for_every_engine_and_is_told_once_a_place(
    open_tab: OpenTab, width: int
) -> None:
    tab = await open_tab(width)
    wrong = (await call(tab, "AddNewBackend", type_id="comfyui_api"))["id"]  # without an address
    await call(tab, "ToggleBackend", backend_id=0, enabled=False)
    try:
        await tab.write("a red circle on a blue background")
        await tab.generate()
        await tab.until("failed", 1)
        told = (
            "No backends available!\n- Diffusers on this machine (backend 0) is switched off.\n"
            f"- ComfyUI API By URL (backend {wrong}) has a wrong setting."
        )
        assert await tab.page.locator(".fault").inner_text() == told
        assert await tab.page.locator(".stage .progress p").inner_text() == told
        assert await tab.page.locator(".stage .place").inner_text() == "failed"
    finally:
        await call(tab, "ToggleBackend", backend_id=0, enabled=True)
        await call(tab, "DeleteBackend", backend_id=wrong)


async def test_what_a_prompt_lost_is_told_above_the_picture(open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.write("a red circle <lora:gone>on a blue background")
    await tab.generate()
    await tab.until("done", 1)
    band = tab.page.locator(".band[data-kind=warn]")
    assert "<lora:gone> was left out of Prompt" in await band.inner_text()
    await band.get_by_role("button").click()
    assert await band.count() == 0

"""The tools: a prompt taken apart, and a picture's parameters read in the browser and used."""

from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.async_api import FilePayload, Page, expect

from hub.media import splice
from tests.browser.audit import beyond, faults
from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab

pytestmark = pytest.mark.browser
LINES = (
    "a small boat\nNegative prompt: fog\n"
    "Steps: 9, Sampler: Euler a, CFG scale: 3.5, Seed: 77, Size: 320x256, Model: elsewhere"
)
BLOCK = '{"sui_image_params": {"prompt": "a \\u00fcber circle", "steps": 11, "seed": 5}}'


def picture(kind: str, text: str) -> FilePayload:
    """A small picture that carries a text as other programs (PNG) or this hub (the others) write it."""
    kept = BytesIO()
    info = PngInfo()
    if kind == "PNG":
        info.add_text("parameters", text)
        Image.new("RGB", (16, 16)).save(kept, kind, pnginfo=info)
        return {"name": "a.png", "mimeType": "image/png", "buffer": kept.getvalue()}
    Image.new("RGB", (16, 16)).save(kept, kind)
    pieces = splice(kept.getvalue(), text) or []
    return {"name": f"a.{kind.lower()}", "mimeType": f"image/{kind.lower()}", "buffer": b"".join(pieces)}


async def opened(tab: Tab, part: str) -> Page:
    """A part of the page of tools."""
    await tab.page.click("nav >> text=Tools")
    await tab.page.get_by_role("tab", name=part, exact=True).click()
    return tab.page


async def test_a_prompt_is_taken_apart_with_weights(open_tab: OpenTab) -> None:
    page = await opened(await open_tab(), "Tokens of a prompt")
    await page.get_by_label("Prompt", exact=True).fill("a (red:1.5) circle")
    await expect(page.get_by_text("3 tokens")).to_be_visible()
    tokens = page.get_by_role("list", name="Tokens").get_by_role("listitem")
    await expect(tokens).to_have_count(3)
    await expect(tokens.nth(1)).to_contain_text("×1.5")
    await expect(tokens.nth(0)).to_contain_text("320")
    await page.get_by_label("Read weights").uncheck()
    await expect(tokens).not_to_have_count(3)
    await page.get_by_label("Token set").select_option("t5")
    await expect(page.locator("#tokens-fault")).to_contain_text("There is no tokenset 't5'")


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
async def test_what_this_hub_writes_is_read(open_tab: OpenTab, kind: str) -> None:
    page = await opened(await open_tab(), "Parameters of a picture")
    await page.reload()  # the page and its part stand in the address
    await page.set_input_files("#read-picture", picture(kind, BLOCK))
    await expect(page.get_by_text("Written by Generation Hub or SwarmUI.")).to_be_visible()
    await expect(page.locator("dd").filter(has_text="a über circle")).to_be_visible()


async def test_the_parameters_of_another_program_are_used(open_tab: OpenTab) -> None:
    tab = await open_tab()
    page = await opened(tab, "Parameters of a picture")
    await page.set_input_files("#read-picture", picture("PNG", LINES))
    await expect(page.get_by_text("This hub has no model elsewhere")).to_be_visible()
    assert await faults(page) == []
    await page.get_by_role("button", name="Use them").click()
    await tab.ready()
    await expect(page.locator("#field-prompt")).to_have_value("a small boat")
    await expect(page.locator("#field-negativeprompt")).to_have_value("fog")
    await expect(page.locator("#field-steps")).to_have_value("9")
    await expect(page.locator("#field-seed")).to_have_value("77")


async def test_a_picture_without_words_and_a_dropped_one(open_tab: OpenTab) -> None:
    page = await opened(await open_tab(), "Parameters of a picture")
    kept = BytesIO()
    Image.new("RGB", (4, 4)).save(kept, "PNG")
    plain: FilePayload = {"name": "plain.png", "mimeType": "image/png", "buffer": kept.getvalue()}
    await page.set_input_files("#read-picture", plain)
    await expect(page.get_by_text("says nothing of how it was made")).to_be_visible()
    data = await page.evaluate_handle(
        """bytes => { const data = new DataTransfer();
             data.items.add(new File([new Uint8Array(bytes)], "dropped.png", {type: "image/png"}));
             return data; }""",
        list(picture("PNG", BLOCK)["buffer"]),
    )
    await page.dispatch_event(".drop", "drop", {"dataTransfer": data})
    await expect(page.get_by_role("heading", name="dropped.png")).to_be_visible()


@pytest.mark.parametrize("width", [390, 768, 1280])
async def test_every_part_is_accessible_and_fits(open_tab: OpenTab, width: int) -> None:
    tab = await open_tab(width, 844)
    page = await opened(tab, "Tokens of a prompt")
    await page.get_by_label("Prompt", exact=True).fill("a (red:1.5) circle " * 30)
    await expect(page.get_by_role("list", name="Tokens")).to_be_visible()
    assert await faults(page) == []
    assert await beyond(page) == 0
    await opened(tab, "Parameters of a picture")
    await page.set_input_files("#read-picture", picture("PNG", LINES.replace("boat", "boat" * 60)))
    await expect(page.get_by_role("button", name="Use them")).to_be_visible()
    assert await faults(page) == []
    assert await beyond(page) == 0

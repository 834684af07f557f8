"""Two tabs generate at the same time, each with its own session; stopping one does not touch the other."""

import pytest
from PIL import Image

from tests.browser.conftest import OpenTab

pytestmark = pytest.mark.browser

RED_CIRCLE = "a red circle on a blue background"
SEED = "7"


def is_red_on_blue(picture: Image.Image) -> bool:
    """Whether red is somewhere in the middle and blue at most corners."""
    width, height = picture.size
    small = picture.resize((16, 16), Image.Resampling.BOX)
    pixels = [small.getpixel((x, y)) for x in range(16) for y in range(16)]
    reds = sum(1 for red, green, blue in pixels if red > 140 and green < 110 and blue < 110)  # type: ignore[misc]
    places = [(2, 2), (width - 3, 2), (2, height - 3), (width - 3, height - 3)]
    corners = [picture.getpixel(place) for place in places]
    blues = sum(1 for red, green, blue in corners if blue > red + 30 and blue > green)  # type: ignore[misc]
    return reds >= 4 and blues >= 3


async def test_a_prompt_becomes_the_picture_it_names_step_by_step(open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.page.evaluate(
        """() => { window.seen = []; new MutationObserver(() => {
             const line = document.querySelector('.progress p')?.textContent ?? '';
             if (line && window.seen.at(-1) !== line) window.seen.push(line);
           }).observe(document.body, {subtree: true, childList: true, characterData: true}); }"""
    )
    await tab.write(RED_CIRCLE, seed=SEED)
    await tab.generate()
    await tab.until("done", 1)
    seen = await tab.page.evaluate("window.seen")
    assert any(line.startswith("step ") for line in seen), seen
    picture = await tab.picture()
    assert picture.size == (256, 256)
    assert is_red_on_blue(picture)
    await tab.page.wait_for_selector(".history li")


async def test_stopping_one_tab_leaves_the_other_alone(open_tab: OpenTab) -> None:
    one, other = await open_tab(), await open_tab()
    assert await one.session() != await other.session()
    await one.write("a green star on a white background", images="12", steps="60")
    await other.write(RED_CIRCLE, images="2", seed=SEED)
    await one.generate()
    await one.until_running()
    await other.generate()
    await one.page.click(".stop .button >> nth=0")
    await one.until("running", 0)
    await one.until("waiting", 0)
    assert await one.cells("interrupted").count() >= 8
    await other.until("done", 2)
    assert await other.cells("interrupted").count() == 0
    assert is_red_on_blue(await other.picture())


async def test_all_my_tabs_can_be_stopped_from_one(open_tab: OpenTab) -> None:
    one, other = await open_tab(), await open_tab()
    await one.write("a green star", images="12", steps="60")
    await one.generate()
    await one.until_running()
    await other.page.click("[aria-haspopup=menu]")
    await other.page.click("[role=menuitem] >> text=Stop all my tabs")
    await one.until("running", 0)
    await one.until("waiting", 0)
    assert await one.cells("interrupted").count() >= 8


async def test_one_image_can_be_stopped_and_the_rest_goes_on(open_tab: OpenTab) -> None:
    tab = await open_tab()
    await tab.write(RED_CIRCLE, images="4", steps="60")
    await tab.generate()
    await tab.until_running()
    await tab.page.click("[aria-label='Stop image 4']")
    await tab.until("done", 3)
    await tab.until("interrupted", 1)


async def test_a_picture_finished_in_one_tab_appears_in_the_other(open_tab: OpenTab) -> None:
    one, other = await open_tab(), await open_tab()
    before = await other.page.locator(".history li").count()
    await one.write(RED_CIRCLE)
    await one.generate()
    await one.until("done", 1)
    await other.page.wait_for_function("n => document.querySelectorAll('.history li').length > n", arg=before)

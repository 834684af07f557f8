"""One browser tab on the Generate page, in the words of a person: write, generate, watch, stop."""

import json
from io import BytesIO
from typing import Any

from PIL import Image
from playwright.async_api import Page, expect

DRAWN_SECONDS = 90


class Tab:
    """A page that has read everything it draws from; `problems` are the errors its scripts met."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))

    async def open(self, url: str) -> None:
        """Load the page and wait until it can generate."""
        await self.page.goto(url)
        await self.ready()

    async def ready(self) -> None:
        """Wait until the page has its parameters and models."""
        await expect(self.page.locator(".generate")).to_be_enabled(timeout=30_000)

    async def session(self) -> str:
        """The session id of this tab."""
        kept = await self.page.evaluate("sessionStorage.getItem('hub.session')")
        return str(json.loads(kept)["session_id"])

    async def write(self, prompt: str, **fields: str) -> None:
        """Type the prompt and set parameters by their ids."""
        for field, value in {"prompt": prompt, **fields}.items():
            await self.page.fill(f"#field-{field}", value)

    async def generate(self) -> None:
        """Press Generate."""
        await self.page.click(".generate")

    def cells(self, state: str = "") -> Any:
        """The images of the batch strip, all or those in one state."""
        return self.page.locator(f".cell[data-state={state}]" if state else ".cell")

    async def until(self, state: str, count: int) -> None:
        """Wait until so many images are in a state."""
        await expect(self.cells(state)).to_have_count(count, timeout=DRAWN_SECONDS * 1000)

    async def until_running(self) -> None:
        """Wait until an image is being drawn."""
        await expect(self.cells("running").first).to_be_visible(timeout=DRAWN_SECONDS * 1000)

    async def until_shown(self) -> None:
        """Wait until the stage shows a finished picture."""
        await expect(self.page.locator("a[download]").first).to_be_visible(timeout=DRAWN_SECONDS * 1000)

    async def picture(self) -> Image.Image:
        """The finished picture on the stage, as the file one would keep."""
        await self.until_shown()
        href = await self.page.locator("a[download]").first.get_attribute("href")
        answer = await self.page.request.get(f"{self.page.url.split('?')[0]}{href}")
        assert answer.ok, answer.status
        return Image.open(BytesIO(await answer.body())).convert("RGB")

"""A checker of tests, a file as an administrator would write one: it dislikes red, and breaks when told."""

import asyncio
from collections.abc import Sequence
from io import BytesIO

from PIL import Image

from hub.safety import CheckerType, Finding
from hub.settings import Safety


def is_red(data: bytes) -> bool:
    """Whether a picture is mostly red."""
    with Image.open(BytesIO(data)) as picture:
        red, green, blue = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    return bool(red > 150 and green < 100 and blue < 100)


class Redness:
    """Withholds what is red."""

    def __init__(self, chosen: Safety) -> None:
        self.chosen = chosen

    async def start(self) -> None:
        """Nothing."""

    async def texts(self, texts: Sequence[str]) -> Finding | None:
        """Breaks on the word for it."""
        if any("breaking" in text for text in texts):
            raise RuntimeError("as asked")
        return None

    async def picture(self, data: bytes) -> Finding | None:
        """Red is not to be seen."""
        if await asyncio.to_thread(is_red, data):
            return Finding("it is red", "safety.words")
        return None

    async def stop(self) -> None:
        """Nothing."""


CHECKER = CheckerType("redness", "Withholds what is red.", Redness)

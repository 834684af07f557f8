"""A checker of tests that never comes to an end with a picture, as a classifier on a broken disk would."""

import asyncio
import logging
from collections.abc import Sequence

from hub.safety import CheckerType, Finding
from hub.settings import Safety


class Hanging:
    """Looks at a picture for ever, and cannot be stopped either."""

    def __init__(self, chosen: Safety) -> None:
        self.chosen = chosen

    async def start(self) -> None:
        """Nothing."""

    async def texts(self, texts: Sequence[str]) -> Finding | None:
        """Nothing: it cannot read."""
        return None

    async def picture(self, data: bytes) -> Finding | None:
        """Tells the log that it looks, and goes on looking."""
        logging.getLogger("tests.hanging").warning("looking")
        await asyncio.Event().wait()
        return None

    async def stop(self) -> None:
        """Takes for ever too."""
        await asyncio.Event().wait()


CHECKER = CheckerType("hanging", "Never comes to an end.", Hanging)

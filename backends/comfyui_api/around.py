"""What the works of one life share: the way to the server, and whom to tell what."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from backends.comfyui_api.frames import Frame
from backends.comfyui_api.link import Link
from backends.comfyui_api.server import Server
from backends.comfyui_api.server_info import ServerInfo
from backends.contract import Emit, Unreachable

AGAIN = 1.0
"""Seconds between two tries of the same request."""

_Answer = TypeVar("_Answer")


class Listener(Protocol):
    """Who takes a prompt's frames."""

    def hear(self, frame: Frame) -> None:
        """A frame about the prompt; returns at once."""


@dataclass(slots=True)
class Around:
    """The surroundings of one life's works. `info` gives what the server has now, `stale` asks to read that
    again, `started` is told the model of a work that begins; `errand` runs a thing nobody waits for.
    `prompts` says who listens to which prompt.
    """

    server: Server
    link: Link
    emit: Emit
    hub: str
    previews: str
    info: Callable[[], ServerInfo]
    stale: Callable[[], None]
    started: Callable[[str], None]
    errand: Callable[[Coroutine[Any, Any, None]], None]
    prompts: dict[str, Listener] = field(default_factory=dict)

    async def reached(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """An answer, however long the server is away; when that is too long, the link ends all of this."""
        while True:
            try:
                return await ask()
            except Unreachable:
                await asyncio.sleep(AGAIN)
                await self.link.up()

"""The server's sockets: one queue of messages, one loop that sends them, one after the other.

Its faults are kept: a reader that stalls holds up everybody's frames, and when one of two sockets of the same
`clientId` closes the other is forgotten (section 0 of the protocol's description, items 3 and 13).
"""

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

PREVIEW, TEXT, PREVIEW_WITH_METADATA = 1, 3, 4
Send = Callable[[str | bytes], Awaitable[None]]
KINDS = {"image/jpeg": 1, "image/png": 2}


class Sockets:
    """Who is connected, and what is on its way to whom."""

    def __init__(self) -> None:
        self._open: dict[str, Send] = {}
        self._flags: dict[str, Mapping[str, Any]] = {}
        self._waiting: asyncio.Queue[tuple[str | bytes, str | None]] = asyncio.Queue()

    def __len__(self) -> int:
        return len(self._open)

    def join(self, sid: str, send: Send) -> None:
        """A new socket; it takes the place of an older one of the same id."""
        self._open[sid] = send
        self._flags[sid] = {}

    def leave(self, sid: str) -> None:
        """A socket ended: its id is forgotten, whoever holds it now."""
        self._open.pop(sid, None)
        self._flags.pop(sid, None)

    def flag(self, sid: str, flags: Mapping[str, Any]) -> None:
        """What a client says it understands."""
        self._flags[sid] = flags

    def wants_metadata(self, sid: str | None) -> bool:
        """Whether previews for this client come with words about them."""
        return bool(self._flags.get(sid or "", {}).get("supports_preview_metadata"))

    def tell(self, kind: str, data: Any, sid: str | None = None) -> None:
        """A text frame to one client, or to all."""
        self._waiting.put_nowait((json.dumps({"type": kind, "data": data}), sid))

    def show(self, image: bytes, kind: str, about: Mapping[str, Any], sid: str | None) -> None:
        """A picture to one client, or to all, in the form its owner's flags ask for."""
        if self.wants_metadata(sid):
            words = json.dumps({**about, "image_type": kind}).encode()
            frame = struct.pack(">II", PREVIEW_WITH_METADATA, len(words)) + words + image
        else:
            frame = struct.pack(">II", PREVIEW, KINDS[kind]) + image
        self._waiting.put_nowait((frame, sid))

    def say(self, node: str, text: str, sid: str | None) -> None:
        """A text of a node, as a binary frame."""
        name = node.encode()
        self._waiting.put_nowait((struct.pack(">II", TEXT, len(name)) + name + text.encode(), sid))

    async def deliver(self) -> None:
        """Send what waits, for ever; each frame waits until its reader took the one before."""
        while True:
            frame, sid = await self._waiting.get()
            readers = (
                list(self._open.values()) if sid is None else [self._open[sid]] if sid in self._open else []
            )
            for send in readers:
                try:
                    await send(frame)
                except Exception:  # noqa: S112 (a reader that went away is nobody's trouble)
                    continue

"""The one websocket to a server: opened under a fresh id, always drained, opened again when it is lost.

A reader that stalls silences every other client of the server (comfyui-protocol §0.13), so what is read is
taken at once and nothing here ever waits for whoever uses it.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Callable, Mapping

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException

from backends.comfyui_api.calls import LARGEST
from backends.comfyui_api.frames import Frame, read
from backends.contract import Misconfigured, Unreachable

_FLAGS = msgspec.json.encode({"type": "feature_flags", "data": {"supports_preview_metadata": True}}).decode()
_PING, _PONG = 20.0, 60.0  # seconds; heavy nodes hold the server's interpreter for long
_BRIDGED = 45.0  # seconds for which a lost connection is tried to be had again
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_STOOD = 5.0  # a connection that ends sooner is as good as none: a proxy may open any and close it
_WAITING_FRAMES = 1024


class Link:
    """The websocket of one engine. `id` is the client id of the present connection, `number` counts the
    connections: frames of a prompt posted under an earlier one never come here. `hear` is called with every
    frame, `moved` whenever the connection was made or lost; both must return at once.
    """

    def __init__(
        self,
        address: str,
        headers: Mapping[str, str],
        *,
        hear: Callable[[Frame], None],
        moved: Callable[[], None],
    ) -> None:
        self.id = ""
        self.number = 0
        self._moved = moved
        self._url = address.replace("http", "ws", 1)
        self._headers = dict(headers)
        self._hear = hear
        self._up = asyncio.Event()
        self._open: ClientConnection | None = None

    async def run(self) -> None:
        """Keep the connection until cancelled. Raises Unreachable when it cannot be had for a while, at once
        when it never could; Misconfigured when it is refused.
        """
        lost, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            began = time.monotonic()
            try:
                await self._live()
            except Unreachable:
                if not self.number:
                    raise
            now = time.monotonic()
            if now - began > _STOOD:
                lost, pause = now, _FIRST_PAUSE
            if now - lost > _BRIDGED:
                raise Unreachable("The connection to the ComfyUI server was lost and cannot be had again.")
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, _LONGEST_PAUSE, max(1.0, _BRIDGED / 4))

    @property
    def standing(self) -> int:
        """The number of the connection that stands now, 0 while there is none."""
        return self.number if self._up.is_set() else 0

    async def up(self) -> None:
        """Wait until it is connected."""
        await self._up.wait()

    def drop(self) -> None:
        """Open it anew under another id: nothing comes over this one any more."""
        if self._open is not None:
            self._open.transport.abort()

    async def _live(self) -> None:
        """One connection, from its opening to its loss. Raises Unreachable when it cannot be opened."""
        name = uuid.uuid4().hex  # never one that was used before: the older's end would deafen it (§0.3)
        socket = await self._opened(f"{self._url}/ws?clientId={name}")
        self._open = socket
        try:
            await socket.send(_FLAGS)
            self.id, self.number = name, self.number + 1
            self._up.set()
            self._moved()
            async for message in socket:
                frame = read(message)
                if frame is not None:
                    self._hear(frame)
        except (WebSocketException, OSError):
            pass  # lost, as told by `number` and the next connection
        finally:
            self._up.clear()
            self._open = None
            self._moved()
            # Not closed politely: a server that hangs would keep us waiting, and the id is never used again.
            socket.transport.abort()

    async def _opened(self, url: str) -> ClientConnection:
        try:
            return await connect(
                url,
                additional_headers=self._headers,
                compression=None,
                max_size=LARGEST,
                max_queue=_WAITING_FRAMES,
                ping_interval=_PING,
                ping_timeout=_PONG,
                open_timeout=10.0,
                proxy=None,
                user_agent_header=None,
            )
        except InvalidStatus as refused:
            status = refused.response.status_code
            if status in (401, 403, 407):
                raise Misconfigured(
                    f"The ComfyUI server, or a proxy before it, refuses the websocket (HTTP {status}); put "
                    "what it asks for into the setting 'ExtraHeaders'."
                ) from refused
            raise Unreachable(
                f"The ComfyUI server's websocket cannot be opened (HTTP {status}); a proxy before it must "
                "let websockets through."
            ) from refused
        except (InvalidHandshake, InvalidURI, OSError, TimeoutError, EOFError) as error:
            raise Unreachable(
                "The ComfyUI server's websocket cannot be opened; start the server, or correct 'Address'."
            ) from error

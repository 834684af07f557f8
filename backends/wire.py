"""The hub's end of a worker's socket: cuts the stream into frames without a task or a copy of its own."""

import asyncio
from collections.abc import Callable
from typing import cast

from msgspec import DecodeError, ValidationError

from backends.frames import FrameError, FrameReader


class WorkerWire(asyncio.BufferedProtocol):
    """Calls `took` with each frame's body, and `lost` once with the reason when the socket has ended."""

    def __init__(
        self, took: Callable[[memoryview], None], lost: Callable[[BaseException | None], None]
    ) -> None:
        self._lost = lost
        self._reader = FrameReader(took)
        self._transport: asyncio.Transport | None = None
        self._error: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket stands."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._reader.buffer()

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes came."""
        try:
            self._reader.received(nbytes)
        except (FrameError, DecodeError, ValidationError) as error:
            self._error = error
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket ended."""
        self._lost(self._error or exc)

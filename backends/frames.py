"""Length-prefixed msgpack frames: four bytes of length (big endian), then one tagged struct.

Pure: no sockets. `pack` makes a frame in one copy; `FrameReader` offers the memory to receive into and hands
out each complete frame body as a view of it, so that the only copy of a picture is the one msgspec makes.
"""

import struct
from collections.abc import Callable

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder

from backends.contract import Command, Report

LIMIT = 1 << 30
"""Largest frame body in bytes; a longer one is a broken or hostile peer, never a picture."""

_HEADER = struct.Struct(">I")
_START = 1 << 18
_encoder = Encoder()

decode_command = Decoder(Command).decode
"""Body of a frame from the hub -> Command; raises msgspec.DecodeError or msgspec.ValidationError."""

decode_report = Decoder(Report).decode
"""Body of a frame from a worker -> Report; raises msgspec.DecodeError or msgspec.ValidationError."""


class FrameError(ValueError):
    """The peer sent a length over LIMIT: the stream cannot be trusted any more."""


class Begin(Struct, frozen=True, tag="begin"):
    """The first frame down: which engine folder the worker serves and with which settings.

    `outside` is True for folders that are not under `backends/`: the worker then makes the folder's own
    package importable. `nice` is added to the worker's priority number before native code is imported.
    """

    folder: str
    outside: bool = False
    settings: dict[str, str | int | float | bool] = {}
    nice: int = 0


decode_begin = Decoder(Begin).decode
"""Body of the first frame from the hub -> Begin."""


def pack(message: Struct) -> bytearray:
    """A whole frame, ready to be sent."""
    frame = bytearray(_HEADER.size)
    _encoder.encode_into(message, frame, _HEADER.size)
    _HEADER.pack_into(frame, 0, len(frame) - _HEADER.size)
    return frame


class FrameReader:
    """Cuts a byte stream into frames.

    Receive into `buffer()`, then tell `received(count)`; `take` is called with each complete body, a view
    that is valid only during the call.
    """

    def __init__(self, take: Callable[[memoryview], None]) -> None:
        self._take = take
        self._memory = bytearray(_START)
        self._view = memoryview(self._memory)
        self._end = 0

    def buffer(self) -> memoryview:
        """Free memory, never empty, to receive the next bytes into."""
        return self._view[self._end :]

    def received(self, count: int) -> None:
        """`count` bytes were put at the start of the last `buffer()`; raises FrameError."""
        self._end += count
        start, needed = 0, 0
        while self._end - start >= _HEADER.size:
            (length,) = _HEADER.unpack_from(self._memory, start)
            if length > LIMIT:
                raise FrameError(f"A frame of {length} bytes was announced; the limit is {LIMIT}.")
            needed = _HEADER.size + length
            if self._end - start < needed:
                break
            self._take(self._view[start + _HEADER.size : start + needed])
            start += needed
            needed = 0
        self._keep(start, needed)

    def _keep(self, start: int, needed: int) -> None:
        """Move the unfinished rest to the front of memory that can hold `needed` bytes."""
        rest = self._end - start
        if needed >= len(self._memory):
            # twice, so that the next picture of this size does not make it grow again
            memory = bytearray(2 * needed)
            memory[:rest] = self._view[start : self._end]
            self._memory, self._view = memory, memoryview(memory)
        elif start and rest:
            self._view[:rest] = bytes(self._view[start : self._end])
        self._end = rest

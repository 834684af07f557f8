"""How fast the engines are, kept over restarts: written down now and then, read at the start."""

import asyncio
import logging

import msgspec

from hub.jobs.keep import Keep
from hub.jobs.speed import Measurements, Speeds

NAME = "speeds"
EVERY = 60.0
"""Seconds between two looks whether something new was measured."""

_log = logging.getLogger(__name__)


class Measured:
    """Keeps measurements in the store. A killed hub loses those of a minute."""

    def __init__(self, speeds: Speeds, keep: Keep) -> None:
        self._speeds = speeds
        self._keep = keep
        self._timer: asyncio.TimerHandle | None = None
        self._written = ""

    def start(self) -> None:
        """Take up what was measured in earlier lives, and begin to write down."""
        self._written = self._keep.text(NAME)
        if self._written:
            try:
                self._speeds.recall(msgspec.json.decode(self._written, type=Measurements))
            except msgspec.MsgspecError as wrong:
                _log.warning("what was measured of the engines' speeds cannot be read: %s", wrong)
        self._again()

    def stop(self) -> None:
        """Write down the last."""
        if self._timer is not None:
            self._timer.cancel()
        self._write()

    def _again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY, self._look)

    def _look(self) -> None:
        self._write()
        self._again()

    def _write(self) -> None:
        text = msgspec.json.encode(self._speeds.measurements()).decode()
        if text != self._written:
            self._written = text
            self._keep.keep_text(NAME, text)

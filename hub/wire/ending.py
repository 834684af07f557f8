"""How the hub is asked to end from inside: at once after an answer, to be started anew, or because whoever
controls it has gone.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping

RESTART = 42
"""Exit code by which whoever started the hub is asked to start it again; launch.py does."""

SUPERVISED = "HUB_RESTARTS"
"""Environment variable that is set by who starts the hub again when it ends with `RESTART`."""

SECONDS = 0.5
"""The answer to the wish gets out first."""
_log = logging.getLogger("hub.wire")


class Ending:
    """The one way to stop this hub from inside. `use` tells it how the server is stopped."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.code = 0
        """What the process ends with."""
        self.supervised = bool(environment.get(SUPERVISED))
        """Whether somebody starts the hub again."""
        self._stop: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watchdog: asyncio.TimerHandle | None = None

    def use(self, stop: Callable[[], None]) -> None:
        """`stop` begins the graceful stop and must not wait."""
        self._stop = stop

    def soon(self, *, restart: bool = False, seconds: float = SECONDS) -> None:
        """Stop in a moment. A wish for a restart is never undone by one for a stop that comes later, nor the
        other way round: the first one counts."""
        if self._timer is not None:
            return
        self.code = RESTART if restart else 0
        self._timer = asyncio.get_running_loop().call_later(seconds, self._go)

    @property
    def asked(self) -> bool:
        """Whether a stop is on its way."""
        return self._timer is not None

    def controlled(self, seconds: float) -> None:
        """Somebody controls this hub and comes again within so many seconds (0: need not), else it stops."""
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        if seconds > 0:
            self._watchdog = asyncio.get_running_loop().call_later(seconds, self._abandoned, seconds)

    def _abandoned(self, seconds: float) -> None:
        _log.warning(
            "Nobody has called AdminTakeControl for %g s: the hub stops (setting network.control_seconds).",
            seconds,
        )
        self.soon()

    def _go(self) -> None:
        if self._stop is not None:
            self._stop()

"""When a dead worker is started again: a pure policy of back-off and circuit breaker."""

from collections import deque
from dataclasses import dataclass, field

FIRST_DELAY = 0.25
LONGEST_DELAY = 30.0
WINDOW = 600.0
DEATHS_ALLOWED = 5
"""More deaths than this within WINDOW seconds open the breaker."""


@dataclass(slots=True)
class Restarts:
    """Remembers deaths, in seconds of any steadily growing clock. `attempts` failed starts in a row open
    the breaker.
    """

    attempts: int = 3
    _deaths: deque[float] = field(default_factory=deque)
    _failed_starts: int = 0

    def died(self, now: float, *, was_ready: bool) -> float | None:
        """Seconds to wait before the next start, or None when it is only tried again on demand."""
        self._deaths.append(now)
        while self._deaths and self._deaths[0] < now - WINDOW:
            self._deaths.popleft()
        self._failed_starts = 0 if was_ready else self._failed_starts + 1
        if self._failed_starts >= self.attempts or len(self._deaths) > DEATHS_ALLOWED:
            return None
        return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** (len(self._deaths) - 1)))

    def demanded(self) -> None:
        """Someone asks for the engine: one more start is allowed now, with the old deaths not yet
        forgiven.
        """
        self._failed_starts = max(0, self.attempts - 1)
        while len(self._deaths) >= DEATHS_ALLOWED:
            self._deaths.popleft()

"""When an engine last said something of an image, and how long it may say nothing. Pure.

Seconds are of a steadily growing clock.
"""

STEPS = 10.0
"""A step may take so many times as long as the longest before it, or as steps of its size take there."""


class Pulse:
    """The signs of one image at its engine.

    Before the first sign nothing is expected: it may wait there behind others. `leaving` is when the engine
    was told to let go of it, None before.
    """

    __slots__ = ("heard", "leaving", "longest")

    def __init__(self) -> None:
        self.heard: float | None = None
        self.longest = 0.0
        self.leaving: float | None = None

    def sign(self, now: float) -> None:
        """The engine says something of it."""
        if self.heard is not None:
            self.longest = max(self.longest, now - self.heard)
        self.heard = now

    def forgive(self, now: float) -> None:
        """We slept ourselves, so that nothing could be heard."""
        if self.heard is not None:
            self.heard = now
        if self.leaving is not None:
            self.leaving = now

    def quiet(self, now: float, least: float, step: float) -> float:
        """For how many seconds nothing was heard, when that is too long; else 0. It may be `least` in any
        case, and longer where steps take long: `step` is how long one takes as measured, 0 for unknown."""
        if self.heard is None:
            return 0.0
        quiet = now - self.heard
        return quiet if quiet > max(least, STEPS * self.longest, STEPS * step) else 0.0

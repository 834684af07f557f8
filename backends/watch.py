"""Judges from the clock whether a worker lives: pure, in seconds of any steadily growing clock."""

from dataclasses import dataclass

from msgspec import Struct


class WatchOptions(Struct, frozen=True):
    """How a worker is watched, in seconds.

    `ping`: between two pings. `silent`: without any sign of life before the engine shows as silent.
    `stuck`: without any sign of life before it is killed. `stall`: with work but no report about any before
    it is killed (a wedged kernel under a living control thread). `start`: for a start. `stop`: for an
    orderly end. `again`: between two tries of an engine elsewhere that was given up. `knock`: at most between
    two looks whether anybody listens there at all, which brings the next try forward.
    """

    ping: float = 2.0
    silent: float = 10.0
    stuck: float = 60.0
    stall: float = 900.0
    start: float = 300.0
    stop: float = 4.0
    again: float = 30.0
    knock: float = 5.0


@dataclass(slots=True)
class Watch:
    """When a worker was last heard of (any frame), when it last said anything but a pong, when we last
    looked.
    """

    options: WatchOptions
    heard: float = 0.0
    worked: float = 0.0
    looked: float = 0.0

    def begin(self, now: float) -> None:
        """It has just started."""
        self.heard = self.worked = self.looked = now

    def look(self, now: float, *, busy: bool) -> str:
        """Why it must be ended, "" when it need not."""
        limits = self.options
        if now - self.looked > 2 * limits.ping + 1:
            self.heard = self.worked = now  # we slept (a stopped laptop, a debugger), not the worker
        self.looked = now
        if not busy:
            self.worked = now
        if now - self.heard > limits.stuck:
            return f"The engine gave no sign of life for {limits.stuck:.0f} seconds and was ended."
        if now - self.worked > limits.stall:
            return f"The engine made no progress for {limits.stall:.0f} seconds and was ended."
        return ""

    def silence(self, now: float) -> float:
        """Seconds of silence worth telling; 0 when there is none."""
        silent = now - self.heard
        return silent if silent > self.options.silent else 0.0

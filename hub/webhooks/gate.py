"""When the queue counts as begun and as ended, for the two webhooks that it waits for (swarm-api §12). Pure.

A queue is closed until the first image wants to start; that image waits until the start was answered. Once
nothing is left for a while the end is told, and what comes meanwhile waits for that answer too.
"""

from enum import Enum, auto


class Say(Enum):
    """What the shell has to do now."""

    NOTHING = auto()
    START = auto()
    """Tell of the start, then call `answered`."""
    DELAY = auto()
    """Call `quiet` after the delay, with the number of now."""
    END = auto()
    """Tell of the end, then call `answered`."""
    PUMP = auto()
    """Let images start."""


class State(Enum):
    """Where the queue is."""

    CLOSED = auto()
    STARTING = auto()
    OPEN = auto()
    ENDING = auto()


class Gate:
    """One queue. `number` grows with everything that makes an end wait anew."""

    def __init__(self) -> None:
        self.state = State.CLOSED
        self.number = 0
        self._wanted = False

    def wants(self) -> Say:
        """An image could start: NOTHING when it may, or must wait for an answer that is on its way."""
        if self.state is State.OPEN:
            self.number += 1
        elif self.state is State.CLOSED:
            self.state = State.STARTING
            return Say.START
        else:
            self._wanted = True
        return Say.NOTHING

    @property
    def is_open(self) -> bool:
        """Whether images may start."""
        return self.state is State.OPEN

    def empty(self) -> Say:
        """No job is left."""
        self.number += 1
        return Say.DELAY if self.state is State.OPEN else Say.NOTHING

    def quiet(self, number: int, empty: bool) -> Say:
        """The delay is over; `number` is that of its begin."""
        if self.state is not State.OPEN or number != self.number or not empty:
            return Say.NOTHING
        self.state = State.ENDING
        return Say.END

    def answered(self, empty: bool) -> Say:
        """The start or the end was answered, or took too long."""
        if self.state is State.STARTING:
            self.state = State.OPEN
            self._wanted = False
            return Say.DELAY if empty else Say.PUMP
        self.state = State.CLOSED
        wanted, self._wanted = self._wanted, False
        return Say.PUMP if wanted else Say.NOTHING

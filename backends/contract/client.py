"""What speaks for an engine: a Drawer inside a worker process, a Client to one elsewhere."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from backends.contract.commands import Command
from backends.contract.reports import Emit

KEEP = "HUB_WORKER_KEEP"
"""The environment variable with the folder where a worker may keep what it has learned; empty or absent:
nowhere.
"""


class Drawer(Protocol):
    """What runs inside a worker process. All methods are called from the control thread and return at once;
    reports may be emitted from any thread."""

    def start(self) -> None:
        """Load native code and begin; emit Ready. An exception here ends the worker with its text as
        reason.
        """

    def handle(self, command: Command) -> None:
        """Take one command (Ping is answered by the worker shell and never arrives here)."""

    def stop(self) -> None:
        """Finish the running step and let go of everything."""


class Surroundings(Struct, frozen=True):
    """What a Client is given of the hub around it.

    `engine` is its number, `emit` takes its reports, `key(user, kind)` answers the key that a user has stored
    for a service ("" when none), `server` is this hub's own id, by which loops between hubs are noticed,
    `keep` a folder of this engine's own for what must outlive the process (None: nowhere).
    """

    engine: int
    emit: Emit
    key: Callable[[str, str], Awaitable[str]]
    server: str = ""
    keep: Path | None = None


class Unreachable(Exception):
    """Nobody answers, or the connection is lost; another try may help. The text is a sentence for the
    administrator.
    """


class Misconfigured(Exception):
    """Trying again will not help before somebody changes a setting, which the text names."""


class Client(Protocol):
    """What speaks to an engine elsewhere, on the hub's event loop."""

    async def run(self) -> None:
        """One life: connect, emit Offers and Ready, and serve until cancelled.

        Short interruptions it bridges itself. Raises Unreachable or Misconfigured; works it has not ended by
        then count as lost. Called again for the next life, on the same object. Any report is a sign of life;
        a Pong is one without meaning. While it holds works and says nothing for long its life is ended from
        outside: whoever waits for one slow answer with a time limit of its own says a Pong now and then.
        When its settings have a true `allow_idle`, that nobody answers is no error. A client may also have
        an `address` (http or https): once it was given up it is looked every few seconds whether anybody
        listens there, and it is called again as soon as somebody does.
        """

    def handle(self, command: Command) -> None:
        """Take a command without waiting; only while it runs and after it said Ready. Ping never comes."""

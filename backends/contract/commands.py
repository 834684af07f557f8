"""What the hub says to an engine."""

from msgspec import Struct

from backends.contract.work import ModelRef, Work


class Submit(Struct, frozen=True, tag="submit"):
    """Take this work; every submitted work ends in exactly one of Image+Done, Failed or Cancelled."""

    work: Work


class Cancel(Struct, frozen=True, tag="cancel"):
    """Stop these works at the next step boundary; unknown ids are ignored."""

    ids: tuple[str, ...]


class Watch(Struct, frozen=True, tag="watch"):
    """Somebody looks at these works' previews, or (`watched` False) nobody does: then none need be made.

    Works begin as watched as their `previews` says. Unknown ids are ignored.
    """

    ids: tuple[str, ...]
    watched: bool


class Load(Struct, frozen=True, tag="load"):
    """Bring a model into memory; answered by Loaded or LoadFailed with the same `ticket`."""

    ticket: str
    model: ModelRef


class Free(Struct, frozen=True, tag="free"):
    """Let go of every model no running work needs."""


class Refresh(Struct, frozen=True, tag="refresh"):
    """Look again at what models there are; only for engines elsewhere, answered by Offers in time."""


class Ping(Struct, frozen=True, tag="ping"):
    """Ask for a Pong; a worker whose control thread lives answers at once."""

    number: int


Command = Submit | Cancel | Watch | Load | Free | Refresh | Ping

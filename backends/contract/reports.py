"""What an engine says to the hub."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Raw, Struct


class Ready(Struct, frozen=True, tag="ready"):
    """The engine can take work. `features` are the feature flags it honours (see swarm
    supported_features), `slots` how many works it takes at once (0: as its type says). `servers` are the ids
    of the hubs that are behind it, near and far, by which loops between hubs are noticed. May be said again
    when any of it has changed.
    """

    device: str
    features: tuple[str, ...] = ()
    samplers: tuple[str, ...] = ()
    schedulers: tuple[str, ...] = ()
    slots: int = 0
    servers: tuple[str, ...] = ()


class RemoteModel(Struct, frozen=True):
    """A model that an engine elsewhere has. `name` is its path below its folder, `/` separated, with the
    extension; `subtype` the kind of folder, as the catalog names them. What is "" or 0 is not known; sizes
    are pixels. `wishes` are how it wants to be drawn, by the ids of steps, cfgscale, sampler and scheduler;
    `lora_weight` and `lora_section` how a LoRA wants to be laid, as the texts of their parameters.
    """

    name: str
    subtype: str
    title: str = ""
    author: str = ""
    description: str = ""
    class_id: str = ""
    trigger_phrase: str = ""
    license: str = ""
    width: int = 0
    height: int = 0
    hash: str = ""
    usage_hint: str = ""
    lora_weight: str = ""
    lora_section: str = ""
    native_sizes: tuple[tuple[int, int], ...] = ()
    wishes: Mapping[str, str | int | float] = {}


class Offers(Struct, frozen=True, tag="offers"):
    """Every model that an engine elsewhere has, of every subtype; replaces what it said before."""

    models: tuple[RemoteModel, ...]


class Loading(Struct, frozen=True, tag="loading"):
    """The work waits for its model to be loaded."""

    id: str
    model: str


class Alive(Struct, frozen=True, tag="alive"):
    """The engine runs the work, and there is nothing else to tell of it now.

    From the first word about a work on (this one, Loading, Started …) its engine is expected to go on saying
    something of it; of one that only waits at the engine nothing has to be said.
    """

    id: str


class Started(Struct, frozen=True, tag="started"):
    """The first step of the work begins; its model is in memory."""

    id: str
    steps: int


class Progress(Struct, frozen=True, tag="progress"):
    """Step `step` of `steps` is finished. `preview` is an encoded small picture (JPEG), or None when
    thinned out.
    """

    id: str
    step: int
    steps: int
    preview: bytes | None = None


class Image(Struct, frozen=True, tag="image"):
    """The finished picture, encoded as `format`, exactly the work's width and height.

    `notes` goes into the metadata's extra data (for instance unknown_words, drawn_size).
    `load_seconds` and `seconds` are what loading and drawing took. One that is `on_the_way` came up before
    the result (of whatever size) for a work that wants such (extra "outputintermediateimages"); the work
    goes on.
    """

    id: str
    data: bytes
    format: str
    load_seconds: float = 0.0
    seconds: float = 0.0
    notes: Mapping[str, str | int | float | bool | list[str]] = {}
    on_the_way: bool = False


class Done(Struct, frozen=True, tag="done"):
    """Nothing more comes for this work."""

    id: str


class Failed(Struct, frozen=True, tag="failed"):
    """The work cannot be made. `reason` is a sentence for the user; `retry` says whether another try may
    help. `extra` are further keys of the error for the client: `field`, `limit`, `permission` …
    """

    id: str
    reason: str
    retry: bool = False
    extra: Mapping[str, Any] = {}


class Cancelled(Struct, frozen=True, tag="cancelled"):
    """The work was stopped on request before a picture came out."""

    id: str


class Loaded(Struct, frozen=True, tag="loaded"):
    """A model is in memory; `ticket` is the Load's, "" when loaded because of work. `models` are all names
    now held.
    """

    model: str
    models: tuple[str, ...]
    ticket: str = ""
    seconds: float = 0.0


class LoadFailed(Struct, frozen=True, tag="load_failed"):
    """A model could not be loaded."""

    model: str
    reason: str
    ticket: str = ""


class Held(Struct, frozen=True, tag="held"):
    """The models now in memory, after some were let go."""

    models: tuple[str, ...]


class Pong(Struct, frozen=True, tag="pong"):
    """Answer to Ping."""

    number: int


class Broken(Struct, frozen=True, tag="broken"):
    """The engine cannot start; `reason` is a sentence for the administrator. The worker ends after it."""

    reason: str


class Log(Struct, frozen=True, tag="log"):
    """A line for the hub's log; `level` is debug, info, warning or error."""

    level: str
    text: str


Report = (
    Ready
    | Offers
    | Loading
    | Alive
    | Started
    | Progress
    | Image
    | Done
    | Failed
    | Cancelled
    | Loaded
    | LoadFailed
    | Held
    | Pong
    | Broken
    | Log
)

Emit = Callable[[Report], None]
"""Where an engine puts its reports."""

Payload = Raw
"""An undecoded msgpack frame body."""

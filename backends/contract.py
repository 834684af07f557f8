"""What an engine is asked and what it answers: the only words that the hub and an engine share.

One `Work` is one picture. The hub sends `Command`s down and receives `Report`s up; both travel as
length-prefixed msgpack frames between processes, or as plain values inside one process. An engine of any
kind (a local worker, a remote server) is reached through the `Engine` protocol.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Raw, Struct, field

KEEP = "HUB_WORKER_KEEP"
"""The environment variable with the folder where a worker may keep what it has learned; empty or absent:
nowhere.
"""


class ModelRef(Struct, frozen=True):
    """A model as an engine needs to know it.

    `name` is the catalog's name, `path` the absolute folder or file ("" when only engines elsewhere have it),
    `class_id` the catalog's architecture class ("" when unknown), `native_sizes` the (width, height) in
    pixels it draws well (empty: any size).
    """

    name: str
    path: str
    class_id: str = ""
    native_sizes: tuple[tuple[int, int], ...] = ()


class Lora(Struct, frozen=True):
    """A LoRA laid over a model: `weight` for the denoiser, `text_weight` for the text encoders (1 = as
    trained).
    """

    model: ModelRef
    weight: float = 1.0
    text_weight: float = 1.0


class Control(Struct, frozen=True):
    """A ControlNet and the picture it follows (an encoded file; None: the work's initial picture).

    It acts with `strength` from the part `start` to the part `end` of the steps (0..1).
    """

    model: ModelRef
    image: bytes | None = None
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0


class SecondPass(Struct, frozen=True):
    """What follows the first drawing: enlarging it, redrawing its last part, or both (swarm-api: refiner).

    `part` is how much of the steps is redrawn (0: none, only enlarged). `method` is "PostApply" (redraw the
    finished drawing), "StepSwap" (the same walk goes on in the other model) or "StepSwapNoisy" (that, with
    its noise kept). `model` and `vae` None are the work's own. The result is `upscale` times the work's
    width and height, by `upscale_method`: "pixel-lanczos", "pixel-bicubic", "pixel-bilinear",
    "pixel-area", "pixel-nearest-exact", "latent-bilinear", "latent-bicubic", "latent-nearest-exact", or
    "model" with `upscaler`. `steps` None are the work's, as are `cfg_scale`, `sampler`, `scheduler`.
    """

    part: float = 0.2
    method: str = "PostApply"
    model: ModelRef | None = None
    vae: ModelRef | None = None
    upscale: float = 1.0
    upscale_method: str = "pixel-lanczos"
    upscaler: ModelRef | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    sampler: str | None = None
    scheduler: str | None = None


class Region(Struct, frozen=True):
    """A part of the picture with a prompt of its own (swarm-api §8).

    `kind` is "region" (this part is drawn with it), "background" (what no region covers is), "object" (a
    region that is drawn anew once more), "segment" (what `what` names is found in the drawing and drawn anew)
    or "clear" (that is made transparent). `x`, `y`, `width` and `height` are parts of the picture (0..1).
    `strength` (-1..1) is how much the prompt counts there, of a segment how sure the finding must be; below 0
    it is everything else. `creativity` is the part of the steps an object or segment is drawn anew with.
    A `negative` one stood in the negative prompt.
    """

    kind: str
    prompt: str
    x: float = 0.0
    y: float = 0.0
    width: float = 1.0
    height: float = 1.0
    strength: float = 1.0
    creativity: float = 1.0
    what: str = ""
    negative: bool = False


class Work(Struct, frozen=True):
    """One picture to make, complete and checked.

    `id` is unique for ever; `width` and `height` are the exact pixels the result must have; `steps` may be
    0 (the engine answers pure noise or the untouched start); `strength` is the part of the steps an initial
    picture is redrawn with (0..1, 1 = all). `init_image` and `mask` are encoded picture files, already
    checked for size. `format` is what the engine should encode: "PNG", "JPG", "WEBP", "WEBP_LOSSLESS".
    `variation_seed` is None unless `variation_strength` > 0. `vae` replaces the model's own autoencoder;
    `embeddings` are the textual inversions that the prompts name by their model's name; `regions` are
    parts of the picture that have prompts of their own, in order. A `second` pass with an `upscale` makes the
    result larger than `width` x `height`. Of the pixels "outpaintleft",
    "outpainttop", "outpaintright" and "outpaintbottom" in `extra` is a border that the result, `width` x
    `height` with it, has around the initial picture. `extra` holds parameters by id that only
    some engines know.
    """

    id: str
    user: str
    session: str
    model: ModelRef
    prompt: str
    negative_prompt: str = ""
    width: int = 512
    height: int = 512
    steps: int = 20
    cfg_scale: float = 7.0
    sampler: str = "euler"
    scheduler: str = "normal"
    seed: int = 0
    variation_seed: int | None = None
    variation_strength: float = 0.0
    init_image: bytes | None = None
    strength: float = 1.0
    mask: bytes | None = None
    format: str = "PNG"
    quality: int = 100
    previews: bool = True
    deterministic: bool = False
    loras: tuple[Lora, ...] = ()
    vae: ModelRef | None = None
    embeddings: tuple[ModelRef, ...] = ()
    controls: tuple[Control, ...] = ()
    second: SecondPass | None = None
    regions: tuple[Region, ...] = ()
    extra: Mapping[str, str | int | float | bool] = {}


# ---- commands: hub -> engine -------------------------------------------------------------------------------


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


# ---- reports: engine -> hub --------------------------------------------------------------------------------


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
    are pixels.
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


class Offers(Struct, frozen=True, tag="offers"):
    """Every model that an engine elsewhere has, of every subtype; replaces what it said before."""

    models: tuple[RemoteModel, ...]


class Loading(Struct, frozen=True, tag="loading"):
    """The work waits for its model to be loaded."""

    id: str
    model: str


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
    `load_seconds` and `seconds` are what loading and drawing took.
    """

    id: str
    data: bytes
    format: str
    load_seconds: float = 0.0
    seconds: float = 0.0
    notes: Mapping[str, str | int | float | bool | list[str]] = {}


class Done(Struct, frozen=True, tag="done"):
    """Nothing more comes for this work."""

    id: str


class Failed(Struct, frozen=True, tag="failed"):
    """The work cannot be made. `reason` is a sentence for the user; `retry` says whether another try may
    help.
    """

    id: str
    reason: str
    retry: bool = False


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


# ---- the two sides -----------------------------------------------------------------------------------------


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
    emit: "Emit"
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
        When its settings have a true `allow_idle`, that nobody answers is no error.
        """

    def handle(self, command: Command) -> None:
        """Take a command without waiting; only while it runs and after it said Ready. Ping never comes."""


class EngineState(Struct, frozen=True):
    """One engine as the choice and the Backends pages see it.

    `status` is one of disabled, waiting (to be started again after a death), loading (its process starts),
    idle (configured, nobody answers there), running (healthy, or started by the first work), silent (no
    sign of life for a while), errored (given up until asked for again); SwarmUI's words. `slots` is how
    many works it takes at once, `busy` how many it holds now. `reason` explains errored and silent. `models`
    are those in its memory. An engine elsewhere has models of its own only (`holds_any` False): `offers` has
    them by subtype and name. `servers` are the ids of the hubs behind it, `samplers` and `schedulers` what
    it has said to have (empty: as its type says).
    """

    id: int
    type: str
    title: str
    status: str
    enabled: bool = True
    slots: int = 1
    busy: int = 0
    features: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    holds_any: bool = True
    offers: Mapping[str, Mapping[str, RemoteModel]] = {}
    reason: str = ""
    device: str = ""
    last_used: float = 0.0
    servers: tuple[str, ...] = ()
    samplers: tuple[str, ...] = ()
    schedulers: tuple[str, ...] = ()


class EngineType(Struct, frozen=True):
    """What a folder under `backends/` offers; its `engine.py` names one as ENGINE and imports no native
    code.

    `settings` is the struct its settings are decoded into; titles, descriptions and, for secrets,
    `extra={"secret": True}` stand in its fields' Meta. An engine has one of two: `drawer` is
    "module:callable" for one that runs in a worker process: called there as `callable(settings, emit)` it
    returns a Drawer. `client` is "module:callable" for one elsewhere, spoken to on the hub's event loop:
    called as `callable(settings, surroundings)` it returns a Client.
    `builtin_models` are model folders that come with it. `accepts` are model class ids it can draw (empty:
    any). `slots` is how many works it takes at once. `features` are known before it starts.
    `pairs` names for a sampler the schedulers it goes with (a sampler not named there goes with all);
    `class_pairs` does so for models of a class that has samplers of its own, and then only for those.
    `most_steps` is how many steps a sampler or scheduler can be asked for at most (one not named there: any).
    `nearest` names for a documented sampler or scheduler that it has not the one it has that comes nearest.
    `loads_models` tells that it can be asked to bring a model into memory.
    """

    id: str
    name: str
    description: str
    settings: type[Struct]
    drawer: str = ""
    client: str = ""
    slots: int = 1
    features: tuple[str, ...] = ()
    samplers: tuple[str, ...] = ()
    schedulers: tuple[str, ...] = ()
    pairs: Mapping[str, tuple[str, ...]] = {}
    class_pairs: Mapping[str, Mapping[str, tuple[str, ...]]] = {}
    most_steps: Mapping[str, int] = {}
    nearest: Mapping[str, str] = {}
    builtin_models: tuple[Path, ...] = ()
    accepts: tuple[str, ...] = ()
    standard: bool = True
    loads_models: bool = True

    def draws(self, class_id: str) -> bool:
        """Whether models of this class may be tried; one of no known class always may."""
        return not self.accepts or not class_id or class_id in self.accepts


class EngineConfig(Struct, frozen=True):
    """One configured engine: which type, its title and its settings by name."""

    id: int
    type: str
    title: str = ""
    enabled: bool = True
    settings: dict[str, str | int | float | bool] = field(default_factory=dict)


Emit = Callable[[Report], None]
"""Where an engine puts its reports."""

Payload = Raw
"""An undecoded msgpack frame body."""


class Engine(Protocol):
    """An engine as the pool holds it, on the event loop."""

    @property
    def state(self) -> EngineState:
        """A snapshot; cheap, no waiting."""

    async def start(self) -> None:
        """Begin; returns once started or failed (the state tells)."""

    async def stop(self) -> None:
        """End it and everything it started."""

    def send(self, command: Command) -> None:
        """Hand over a command without waiting."""

    def forget(self, ids: Collection[str]) -> None:
        """Drop any memory of these works: the hub has given up on them."""

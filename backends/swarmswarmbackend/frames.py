"""The frames of one generation socket as reports about one work (swarm-api §4.2). Pure: no socket, no clock.

A session draws one work at a time, so the counters of its status frames are about that work.
"""

import re
from typing import Any

import msgspec
from msgspec import Struct

from backends.contract import Loading, Progress, Report, Started, Work

FIRST = "0"
"""The index of the one picture that was asked for; what else comes is on the way or beside it."""

_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) (sec|min|hour)")
_UNITS = {"sec": 1.0, "min": 60.0, "hour": 3600.0}
_OWN = frozenset(
    {
        "date",
        "prep_time",
        "generation_time",
        "presets_used",
        "prompted_loras",
        "unused_parameters",
        "used_embeddings",
        "used_wildcards",
    }
)
"""What every hub notes of a request itself; with `original_…`. The rest its engines noted."""


FIRST_ON_THE_WAY = -11
"""Pictures that come up on the way have this index and those below it (swarm-api §4.2)."""


class Counters(Struct, frozen=True):
    """What a session has waiting and going."""

    waiting_gens: int = 0
    loading_models: int = 0
    waiting_backends: int = 0
    live_gens: int = 0


class Going(Struct, frozen=True):
    """How far a picture is: parts are 0..1, `step` and `steps` only from hubs of our kind."""

    batch_index: str | int = FIRST
    overall_percent: float = 0.0
    current_percent: float = 0.0
    preview: str | None = None
    step: int | None = None
    steps: int | None = None
    metadata: str | None = None


class Frame(Struct, frozen=True):
    """A frame of any kind; what it is, its key tells."""

    status: Counters | None = None
    gen_progress: Going | None = None
    image: str | None = None
    batch_index: str | int = FIRST
    metadata: str | None = None
    discard_indices: list[int] | None = None
    socket_intention: str | None = None
    error: str | None = None
    error_id: str | None = None
    permission: str | None = None
    field: str | None = None
    limit: Any = None


DECODE = msgspec.json.Decoder(Frame, strict=False).decode


class Course:
    """How one work fares there, told by counters and progress: what was said already is not said again."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._loading = False
        self._started = False
        self._steps = max(1, work.steps)
        self._step = -1

    def counted(self, counters: Counters) -> list[Report]:
        """What the counters of the work's session tell."""
        if self._started:
            return []
        if counters.live_gens:
            return self._start()
        if counters.loading_models and not self._loading:
            self._loading = True
            return [Loading(self._work.id, self._work.model.name)]
        return []

    def going(self, going: Going, preview: bytes | None) -> list[Report]:
        """What a progress frame tells; `preview` is the picture that came with it."""
        if str(going.batch_index) != FIRST:
            return []
        if going.steps:
            self._steps = going.steps
        step = going.step
        if step is None:
            step = int(going.overall_percent * self._steps + 0.001)
        step = max(self._step, min(step, self._steps))
        told = self._start()
        if going.metadata is not None and preview is None:  # its first frame tells of itself; another follows
            return told
        if step > 0 and (step > self._step or preview is not None):
            told.append(Progress(self._work.id, step, self._steps, preview))
        self._step = step
        return told

    def finished(self) -> list[Report]:
        """A picture came: what must have been said before."""
        return self._start()

    def _start(self) -> list[Report]:
        if self._started:
            return []
        self._started = True
        return [Started(self._work.id, self._steps)]


def is_on_the_way(index: str | int) -> bool:
    """Whether a picture of this index is one that came up before the result."""
    try:
        return int(index) <= FIRST_ON_THE_WAY
    except ValueError:
        return False


class Told(Struct, frozen=True):
    """What the other hub tells of a finished picture: the `seconds` it drew (None: not told), and the `notes`
    that its engines made.
    """

    seconds: float | None = None
    notes: dict[str, Any] = {}


def told_of(metadata: str | None) -> Told:
    """What a picture's metadata block tells."""
    try:
        block = msgspec.json.decode(metadata or "null")
    except msgspec.DecodeError:
        return Told()
    extra = block.get("sui_extra_data") if isinstance(block, dict) else None
    if not isinstance(extra, dict):
        return Told()
    notes = {key: value for key, value in extra.items() if not _is_own(key) and _is_note(value)}
    return Told(_seconds(extra.get("generation_time")), notes)


def _seconds(text: object) -> float | None:
    """A time as SwarmUI writes it, like `4.84 sec` or `2.50 min`."""
    match = _TIME.match(text) if isinstance(text, str) else None
    return None if match is None else float(match[1]) * _UNITS[match[2]]


def _is_own(key: str) -> bool:
    return key in _OWN or key.startswith("original_")


def _is_note(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, str | int | float | bool)

"""The status object: built here for the status route and for every status frame, and nowhere else."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from backends.contract import EngineState
from hub.jobs.tally import Counts


class BackendStatus(Struct, frozen=True):
    """All engines in one word: `status`, how bad it is (`class`: "", soft, warn, error) and a sentence."""

    status: str
    class_: str = msgspec.field(name="class")
    message: str
    any_loading: bool


class Status(Struct, frozen=True):
    """The answer of GetCurrentStatus and the body of a status frame."""

    status: Counts
    backend_status: BackendStatus
    supported_features: list[str]


_WORDS: dict[str, tuple[str, str]] = {
    "empty": (
        "error",
        "No backends are set up, so nothing can be generated. Add one under Server > Backends.",
    ),
    "all_disabled": ("error", "All backends are switched off. Switch one on under Server > Backends."),
    "errored": ("error", "No backend could be started. Server > Backends shows the reason."),
    "some_loading": ("warn", "Some backends are ready, others are still starting."),
    "running": ("", ""),
    "loading": ("soft", "Backends are starting up."),
    "disabled": ("warn", "The backends that are switched on do not answer; others are switched off."),
    "idle": ("warn", "Backends are set up, but nothing answers there, so nothing can be generated yet."),
    "unknown": ("error", "The state of the backends is not known. The server log may tell more."),
}
_STARTING = frozenset({"waiting", "loading"})


def backend_status(states: Sequence[EngineState]) -> BackendStatus:
    """The overall word. One errored engine does not hide that others work."""
    word = _word(states)
    level, message = _WORDS[word]
    reasons = [state.reason for state in states if state.status == "errored" and state.reason]
    if word == "errored" and reasons:
        message = f"{message} {reasons[0]}"
    loading = any(state.enabled and state.status in _STARTING for state in states)
    return BackendStatus(word, level, message, loading)


def _word(states: Sequence[EngineState]) -> str:
    if not states:
        return "empty"
    enabled = {state.status for state in states if state.enabled and state.status != "disabled"}
    if not enabled:
        return "all_disabled"
    if "running" in enabled:
        return "some_loading" if enabled & _STARTING else "running"
    if enabled & _STARTING:
        return "loading"
    if "errored" in enabled:
        return "errored"
    if enabled <= {"idle", "silent"}:
        return "disabled" if any(not state.enabled for state in states) else "idle"
    return "unknown"


def features(states: Iterable[EngineState]) -> list[str]:
    """What at least one engine that works or is starting can do, sorted."""
    usable = (state for state in states if state.enabled and state.status not in ("disabled", "errored"))
    return sorted({feature for state in usable for feature in state.features})


class StatusText:
    """The status object of the engines as they stand, its constant part encoded once."""

    def __init__(self, states: Sequence[EngineState]) -> None:
        self.backend_status = backend_status(states)
        self.supported_features = features(states)
        self._rest = (
            b'},"backend_status":'
            + msgspec.json.encode(self.backend_status)
            + b',"supported_features":'
            + msgspec.json.encode(self.supported_features)
            + b"}"
        )

    def body(self, counts: Counts) -> Status:
        """The status object as a value."""
        return Status(counts, self.backend_status, self.supported_features)

    def frame(self, counts: Counts) -> bytes:
        """The status object as JSON text."""
        return b'{"status":{"waiting_gens":%d,"loading_models":%d,"waiting_backends":%d,"live_gens":%d%b' % (
            counts.waiting_gens,
            counts.loading_models,
            counts.waiting_backends,
            counts.live_gens,
            self._rest,
        )


class HasStates(Protocol):
    """What `status_body` needs of the pool."""

    version: int

    def states(self) -> Sequence[EngineState]:
        """Every engine as it is now."""


_latest: tuple[HasStates | None, int, StatusText] = (None, -1, StatusText(()))


def status_text(pool: HasStates) -> StatusText:
    """The engines' part of the status object, made anew only when the pool's version has grown."""
    global _latest
    if _latest[0] is not pool or _latest[1] != pool.version:
        _latest = (pool, pool.version, StatusText(pool.states()))
    return _latest[2]


def status_body(counts: Counts, pool: HasStates) -> Status:
    """The status object for `counts` and the engines of `pool`."""
    return status_text(pool).body(counts)

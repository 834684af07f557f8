"""Which engine takes which waiting image, from a snapshot, with the reason for every refusal. Pure."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from backends.contract import EngineState
from hub.params.request import GenRequest

NO_BACKENDS = "No backends available!"
NO_MATCH = (
    "No backends match the settings of the request given! Backends refused for the following reason(s):\n- "
)
_HEALTHY = frozenset({"waiting", "loading", "running", "silent"})
# Serving now, expected to soon, or started once more when asked: that last try tells why it does not work.
MAY_SERVE = _HEALTHY | {"errored"}


class Need(Struct, frozen=True):
    """What an image asks of an engine; images with equal needs are interchangeable for the choice."""

    model: str
    class_id: str = ""
    engine_type: str | None = None
    engine_id: int | None = None
    features: tuple[str, ...] = ()


class Seat(Struct, frozen=True):
    """An engine with its free places. `accepts` are the model classes it draws, empty for any."""

    state: EngineState
    free: int
    accepts: tuple[str, ...] = ()


def need_of(request: GenRequest) -> Need:
    """The need of every image of a request."""
    return Need(
        request.model.name,
        request.model.class_id,
        request.engine_type,
        request.engine_id,
        request.features,
    )


def misfit(need: Need, seat: Seat) -> str | None:
    """Why this engine can never take such an image, None when it can."""
    state = seat.state
    name = f"{state.title or state.type} (backend {state.id})"
    if need.engine_type is not None and need.engine_type != state.type:
        return f"{name} is of the type {state.type}, the request asks for {need.engine_type}."
    if need.engine_id is not None and need.engine_id != state.id:
        return f"{name} is not the requested backend {need.engine_id}."
    missing = [feature for feature in need.features if feature not in state.features]
    if missing and state.status != "waiting":  # before it starts, an engine may not know all it can do
        return f"{name} lacks what the request needs: {', '.join(missing)}."
    if seat.accepts and need.class_id and need.class_id not in seat.accepts:
        return f"{name} cannot draw with models of the kind {need.class_id}."
    if not state.holds_any and need.model not in state.models:
        return f"{name} does not have the model {need.model}."
    return None


def refusal(need: Need, seats: Iterable[Seat]) -> str | None:
    """The error for an image that no engine will ever take, as things stand; None when one will."""
    able = [seat for seat in seats if seat.state.enabled and seat.state.status in MAY_SERVE]
    if not able:
        return NO_BACKENDS
    reasons = []
    for seat in able:
        reason = misfit(need, seat)
        if reason is None:
            return None
        reasons.append(reason)
    return NO_MATCH + "\n- ".join(dict.fromkeys(reasons))


def choose(needs: Sequence[Need], seats: Sequence[Seat]) -> tuple[Need, int] | None:
    """The first need, in the given fair order, that an engine can take now, with that engine's id.

    An engine that holds the model already comes first, the emptiest of them; else the emptiest, and of those
    the one unused for longest, so that its models are the least missed. One that could not be started is
    asked only when no other can ever do it.
    """
    enabled = [seat for seat in seats if seat.state.enabled]
    if not any(seat.free > 0 for seat in enabled):
        return None
    for need in needs:
        able = [seat for seat in enabled if misfit(need, seat) is None]
        healthy = any(seat.state.status in _HEALTHY for seat in able)
        wanted = "running" if healthy else "errored"
        ready = [seat for seat in able if seat.free > 0 and seat.state.status == wanted]
        if ready:
            best = min(ready, key=lambda seat: _preference(need, seat))
            return need, best.state.id
    return None


def _preference(need: Need, seat: Seat) -> tuple[bool, int, float, int]:
    held = need.model in seat.state.models
    return (not held, -seat.free, seat.state.last_used, seat.state.id)

"""Which engine takes which waiting image, from a snapshot, with the reason for every refusal. Pure."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from backends.contract import EngineState
from hub.params.request import GenRequest

NO_BACKENDS = "No backends available!"
NO_MATCH = (
    "No backends match the settings of the request given! Backends refused for the following reason(s):\n- "
)
REFINER = "refinermodel"
"""The parameter whose model draws too."""

_HEALTHY = frozenset({"waiting", "loading", "running", "silent"})
# Serving now, expected to soon, or started once more when asked: that last try tells why it does not work.
MAY_SERVE = _HEALTHY | {"errored"}


class Need(Struct, frozen=True):
    """What an image asks of an engine; images with equal needs are interchangeable for the choice.

    `asked_by` are the parameters that need the `features`, in their order; `others` the classes of further
    models that draw it. One that is `alone` shares its engine with no other image.
    """

    model: str
    class_id: str = ""
    engine_type: str | None = None
    engine_id: int | None = None
    features: tuple[str, ...] = ()
    asked_by: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    alone: bool = False


class Seat(Struct, frozen=True):
    """An engine with its free places. `accepts` are the model classes it draws, empty for any; `empty` tells
    that it holds no image at all.
    """

    state: EngineState
    free: int
    accepts: tuple[str, ...] = ()
    empty: bool = True


def need_of(request: GenRequest) -> Need:
    """The need of every image of a request."""
    return Need(
        request.model.name,
        request.model.class_id,
        request.engine_type,
        request.engine_id,
        request.features,
        tuple(request.asked_by.values()),
        tuple(other.class_id for other in request.other_models if other.param == REFINER and other.class_id),
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
        return f"{name} lacks what the request needs: {', '.join(_told(need, one) for one in missing)}."
    for kind in (need.class_id, *need.others):
        if seat.accepts and kind and kind not in seat.accepts:
            return f"{name} cannot draw with models of the kind {kind}."
    if not state.holds_any and need.model not in state.models:
        return f"{name} does not have the model {need.model}."
    return None


def _told(need: Need, feature: str) -> str:
    """A feature with the parameter that needs it."""
    by = dict(zip(need.features, need.asked_by, strict=False)).get(feature)
    return f"{feature} (for {by})" if by else feature


def lacking(need: Need, seats: Iterable[Seat]) -> str | None:
    """The first parameter whose feature no engine that may serve has, None when there is none."""
    able = [seat for seat in seats if seat.state.enabled and seat.state.status in MAY_SERVE]
    for feature, parameter in zip(need.features, need.asked_by, strict=False):
        if able and not any(feature in seat.state.features for seat in able):
            return parameter
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
    asked only when no other can ever do it. For an image that must be alone the emptiest engine is kept free
    of the images behind it, until it is empty: otherwise it would wait for ever.
    """
    enabled = [seat for seat in seats if seat.state.enabled]
    if not any(seat.free > 0 for seat in enabled):
        return None
    kept: set[int] = set()
    for need in needs:
        able = [seat for seat in enabled if misfit(need, seat) is None]
        healthy = any(seat.state.status in _HEALTHY for seat in able)
        wanted = "running" if healthy else "errored"
        fitting = [s for s in able if s.state.status == wanted and s.state.id not in kept]
        ready = [seat for seat in fitting if (seat.empty if need.alone else seat.free > 0)]
        if need.alone and fitting and not ready:
            kept.add(max(fitting, key=lambda seat: seat.free).state.id)
        if ready:
            best = min(ready, key=lambda seat: _preference(need, seat))
            return need, best.state.id
    return None


def _preference(need: Need, seat: Seat) -> tuple[bool, int, float, int]:
    held = need.model in seat.state.models
    return (not held, -seat.free, seat.state.last_used, seat.state.id)

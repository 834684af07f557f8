"""Whether an engine can take an image at all, and why not. Pure."""

from collections.abc import Collection, Iterable, Mapping

import msgspec
from msgspec import Struct

from backends.contract import EngineState, RemoteModel
from hub.jobs.need import NO_LOADING, Need
from hub.params import Pairs

NO_BACKENDS = "No backends available!"
ALL_OFF = "All of them are switched off; an administrator can switch one on under Server > Backends."
NONE_SET_UP = "None is set up; an administrator can add one under Server > Backends."
NO_MATCH = (
    "No backends match the settings of the request given! Backends refused for the following reason(s):\n- "
)
MAIN = "Stable-Diffusion"
_ELSEWHERE = "only an engine elsewhere has it."
_UNREACHED = {False: "could not be reached", True: "has a wrong setting"}

HEALTHY = frozenset({"waiting", "loading", "running", "silent"})
"""Serving now, or expected to soon."""

_STARTING = frozenset({"waiting", "loading"})


class Seat(Struct, frozen=True):
    """An engine with its free places. `accepts` are the model classes it draws, empty for any; `held` is how
    many images it has; `pairs` tell its samplers and schedulers (None: any)."""

    state: EngineState
    free: int
    accepts: tuple[str, ...] = ()
    held: int = 0
    pairs: Pairs | None = None

    @property
    def id(self) -> int:
        """The engine's number."""
        return self.state.id

    @property
    def title(self) -> str:
        """What people are told it is."""
        return f"{self.state.title or self.state.type} (backend {self.state.id})"


def misfit(need: Need, seat: Seat) -> str | None:
    """Why this engine can never take such an image, None when it can."""
    state, name = seat.state, seat.title
    if (unmeant := _not_meant(need, seat)) is not None:
        return unmeant
    unknown = _is_unknown(state)
    missing = [feature for feature in need.features if feature not in state.features]
    if missing and state.status != "waiting" and not unknown:
        # before it starts, an engine may not know all it can do
        return f"{name} lacks what the request needs: {', '.join(_told(need, one) for one in missing)}."
    if need.given_graph:
        return None
    for kind in (need.class_id, *need.others):
        if seat.accepts and kind and kind not in seat.accepts:
            return f"{name} cannot draw with models of the kind {kind}."
    if unknown and not need.held_only:
        return None
    return _no_method(need, seat) or _no_model(need, seat) or _not_held(need, seat)


def _not_meant(need: Need, seat: Seat) -> str | None:
    state, name = seat.state, seat.title
    if need.engine_type is not None and need.engine_type != state.type:
        return f"{name} is of the type {state.type}, the request asks for {need.engine_type}."
    if need.engine_id is not None and need.engine_id != state.id:
        return f"{name} is not the requested backend {need.engine_id}."
    if need.barred and need.shuns == state.id:
        return f"{name} makes no progress with the image and does not let go of it."
    return None


def _is_unknown(state: EngineState) -> bool:
    """Whether an engine elsewhere is being reached for the first time: nobody knows yet what it has now."""
    nothing = not state.offers and not state.models
    return not state.holds_any and (nothing or state.recalled) and state.status in _STARTING


def _has_told(state: EngineState) -> bool:
    """Whether an engine elsewhere has said since the start what it has."""
    return bool(state.offers) and not state.recalled


def _no_method(need: Need, seat: Seat) -> str | None:
    if seat.pairs is None:
        return None
    for method in need.methods:
        if not seat.pairs.has(method.sampler, method.scheduler, method.class_id):
            return (
                f"{seat.title} does not have the sampler {method.sampler} with the scheduler "
                f"{method.scheduler} for this model."
            )
    return None


def _no_model(need: Need, seat: Seat) -> str | None:
    state = seat.state
    if state.holds_any:
        if not need.here:
            return f"{seat.title} does not have the model {need.model}: {_ELSEWHERE}"
        for one in need.models:
            if not one.here:
                return f"{seat.title} does not have {one.name} (for {one.param}): {_ELSEWHERE}"
        return None
    if need.model not in _offered(state, MAIN) and need.model not in state.models:
        return f"{seat.title} does not have the model {need.model}."
    for one in need.models:
        if one.name not in _offered(state, one.subtype):
            return f"{seat.title} does not have {one.name} (for {one.param})."
    return None


def _not_held(need: Need, seat: Seat) -> str | None:
    """What a request that forbids loading would have to load first."""
    if not need.held_only:
        return None
    drawing = [need.model, *(one.name for one in need.models if one.subtype == MAIN)]
    missing = next((name for name in drawing if name not in seat.state.models), None)
    if missing is None:
        return None
    return f"{seat.title} has not loaded the model {missing}, and {NO_LOADING} is on."


_NOTHING: Mapping[str, RemoteModel] = {}


def _offered(state: EngineState, subtype: str) -> Mapping[str, RemoteModel]:
    return state.offers.get(subtype, _NOTHING)


def _told(need: Need, feature: str) -> str:
    """A feature with the parameter that needs it."""
    by = dict(zip(need.features, need.asked_by, strict=False)).get(feature)
    return f"{feature} (for {by})" if by else feature


def not_now(need: Need, seat: Seat) -> str | None:
    """Why this engine does not take such an image now, None when it could."""
    state, name = seat.state, seat.title
    if not state.enabled or state.status == "disabled":
        return f"{name} is switched off."
    never = misfit(need, seat)
    if never is not None and (state.holds_any or _has_told(state) or state.status not in ("errored", "idle")):
        return never  # of one elsewhere that was never reached nobody knows what it has
    words = {
        "waiting": "is about to be started",
        "loading": "is starting",
        "silent": "has not answered for a while",
        "idle": "does not answer",
        "errored": "could not be started" if state.holds_any else _UNREACHED[state.hopeless],
    }
    if state.status in words:
        return f"{name} {words[state.status]}."
    if seat.free <= 0 or (need.alone and seat.held):
        return f"{name} is busy with {seat.held} {'image' if seat.held == 1 else 'images'}."
    return None


def may_serve(state: EngineState) -> bool:
    """Whether an engine serves, will soon, or is started once more when asked: that last try tells why it
    does not work. One elsewhere is not started by asking."""
    return state.enabled and (state.status in HEALTHY or (state.holds_any and state.status == "errored"))


def lacking(need: Need, seats: Iterable[Seat]) -> str | None:
    """The first parameter that stands in the way, None when there is none: no engine that could take the
    image without it has its feature, or no engine at all."""
    serving = [seat for seat in seats if may_serve(seat.state)]
    plain = msgspec.structs.replace(need, features=(), asked_by=(), held_only=False)
    able = [seat for seat in serving if misfit(plain, seat) is None] or serving
    for feature, parameter in zip(need.features, need.asked_by, strict=False):
        if able and not any(feature in seat.state.features for seat in able):
            return parameter
    held = [seat for seat in serving if _not_held(need, seat) is None]
    return NO_LOADING if serving and not held else None


def refusal(need: Need, seats: Collection[Seat], *, accepted: bool = False) -> str | None:
    """The error for an image that no engine will ever take, as things stand; None when one will.

    One that was `accepted` already also waits for an engine elsewhere that may come back by itself.
    """
    reasons, away, able, there = [], [], False, False
    for seat in seats:
        state, reason = seat.state, misfit(need, seat)
        if may_serve(state):
            if reason is None:
                return None
            able = True
            reasons.append(reason)
        elif accepted and _may_come_back(need, seat, reason):
            return None
        elif state.enabled or reason is None:
            away.append(not_now(need, seat) or "")
        there |= state.enabled and state.status != "disabled"
    told = "\n- ".join(dict.fromkeys([*reasons, *away]))
    if able:
        return NO_MATCH + told
    if there:
        return f"{NO_BACKENDS}\n- {told}"
    return f"{NO_BACKENDS} {ALL_OFF if seats else NONE_SET_UP}"


def _may_come_back(need: Need, seat: Seat, reason: str | None) -> bool:
    """Whether an engine elsewhere that is away may take the image once it is there again; of one that was
    never reached nobody knows what it has."""
    state = seat.state
    if not state.enabled or state.holds_any or state.hopeless:
        return False
    return reason is None or (not _has_told(state) and _not_meant(need, seat) is None)

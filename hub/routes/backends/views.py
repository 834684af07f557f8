"""How an engine and a type of engines look on the wire (swarm-api §9)."""

import time
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from backends.contract import EngineType
from backends.engine_settings import fields_of
from hub.engines import EngineView

_STEPS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


class SettingView(Struct, frozen=True):
    """One setting of a type: `type` is text, integer, decimal, boolean or dropdown, `values` the choices of
    a dropdown and `value_names` what they are called; `title` and `default` are ours."""

    name: str
    type: str
    description: str
    placeholder: str
    is_secret: bool
    values: list[str] | None
    value_names: list[str] | None
    title: str
    default: str | int | float | bool


class TypeView(Struct, frozen=True):
    """One type of engines and its settings."""

    id: str
    name: str
    description: str
    settings: list[SettingView]
    is_standard: bool


class BackendView(Struct, frozen=True):
    """One engine. `settings` has every value by name, a secret that is set as `\\t<secret>`; `modcount` is
    how often it was changed since the start; `max_usages` how many images it takes at once, `busy` how many
    it holds. `reason` tells why it is not running, `device` what draws. `current_model` comes with
    `full_data` only."""

    type: str
    status: Annotated[
        str,
        Meta(description="`disabled`, `waiting`, `loading`, `idle`, `running`, `silent` or `errored`."),
    ]
    id: int
    settings: dict[str, Any]
    modcount: int
    features: list[str]
    enabled: bool
    title: str
    max_usages: int
    seconds_since_used: int
    time_since_used: str
    can_load_models: bool
    reason: str
    device: str
    busy: int
    current_model: str | UnsetType | None = UNSET


def view_of_type(kind: EngineType) -> TypeView:
    """A type with its settings, in the order of their declaration."""
    settings = [
        SettingView(
            field.name,
            field.type,
            field.description,
            field.placeholder,
            field.is_secret,
            None if field.values is None else list(field.values),
            None if field.values is None else list(field.values),
            field.title,
            field.default,
        )
        for field in fields_of(kind)
    ]
    return TypeView(kind.id, kind.name, kind.description, settings, kind.standard)


def view_of(view: EngineView, *, full: bool = True) -> BackendView:
    """An engine as it is now; `full` tells its model too."""
    state, config = view.state, view.config
    since = max(0, int(time.time() - state.last_used)) if state.last_used else 0
    model = state.models[-1] if state.models else None
    return BackendView(
        type=config.type,
        status=state.status,
        id=config.id,
        settings=view.settings,
        modcount=view.edits,
        features=list(state.features),
        enabled=state.enabled,
        title=config.title,
        max_usages=state.slots,
        seconds_since_used=since,
        time_since_used=_ago(since) if state.last_used else "Never",
        can_load_models=view.loads_models,
        reason=state.reason,
        device=state.device,
        busy=state.busy,
        current_model=model if full else UNSET,
    )


def _ago(seconds: int) -> str:
    length, word = next(((length, word) for length, word in _STEPS if seconds >= length), (1, "second"))
    count = seconds // length
    return f"{count} {word}{'' if count == 1 else 's'} ago"

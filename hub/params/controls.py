"""The ControlNets of a request: which model follows which picture, how closely, and when."""

from collections.abc import Mapping

from backends.contract import Control
from hub.catalog import Entry, unfit
from hub.params.collect import Value
from hub.params.control_params import ORDINALS
from hub.params.registry import Registry
from hub.params.values import refused


def controls_of(values: Mapping[str, Value], model: Entry, registry: Registry) -> tuple[Control, ...]:
    """The ControlNets that act, in order. Raises BadInput naming the parameter that is missing or wrong."""
    found = (_control(f"controlnet{ordinal}", values, model, registry) for ordinal in ORDINALS)
    return tuple(control for control in found if control is not None)


def preparations(values: Mapping[str, Value]) -> dict[str, str]:
    """How the pictures of the ControlNets that act are made ready and what they are, for the engine: under
    the ids of the first, second and third one that acts, whichever those are.
    """
    acting = [f"controlnet{ordinal}" for ordinal in ORDINALS if f"controlnet{ordinal}model" in values]
    return {
        f"controlnet{ORDINALS[place]}{what}": said
        for place, head in enumerate(acting)
        for what, usual in _TOLD.items()
        if isinstance(said := values.get(f"{head}{what}"), str) and said != usual
    }


_TOLD = {"preprocessor": "None", "uniontype": "auto"}


def is_idle(key: str, values: Mapping[str, Value]) -> bool:
    """Whether a parameter belongs to a ControlNet for which no model is chosen."""
    return (
        key.startswith("controlnet")
        and f"{next(head for head in _HEADS if key.startswith(head))}model" not in values
    )


_HEADS = tuple(f"controlnet{ordinal}" for ordinal in reversed(ORDINALS))


def _control(head: str, values: Mapping[str, Value], model: Entry, registry: Registry) -> Control | None:
    entry, image = values.get(f"{head}model"), values.get(f"{head}imageinput")
    params = registry.params
    if not isinstance(entry, Entry):
        if image is None:
            return None
        raise refused(params[f"{head}model"], "a picture to follow was given, but no model to follow it with")
    if why := unfit(entry, model):
        raise refused(params[f"{head}model"], why)
    strength = _number(values.get(f"{head}strength"), 1.0)
    start, end = _number(values.get(f"{head}start"), 0.0), _number(values.get(f"{head}end"), 1.0)
    if start >= end:
        raise refused(params[f"{head}start"], f"it begins at {start:g} and ends at {end:g} of the steps")
    if image is None and values.get("initimage") is None:
        raise refused(
            params[f"{head}imageinput"], "give a picture to follow, or an Init Image to follow instead"
        )
    return Control(entry.ref(), image if isinstance(image, bytes) else None, strength, start, end)


def _number(value: Value | None, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default

"""The answer of ListT2IParams and TriggerRefresh (swarm-api §5.1): what a caller may set and choose from."""

from typing import Any

import msgspec

from hub.accounts.caller import Caller
from hub.catalog import CLASSES, COMPAT_CLASSES, SUBTYPES, UPSCALERS, Catalog
from hub.params.registry import Registry
from hub.params.spec import Group, Param

_MODEL_CLASSES = {key: msgspec.to_builtins(value) for key, value in CLASSES.items()}
_COMPAT_CLASSES = {key: msgspec.to_builtins(value) for key, value in COMPAT_CLASSES.items()}


def listing(
    registry: Registry, catalog: Catalog, caller: Caller, *, param_edits: Any = None
) -> dict[str, Any]:
    """The whole answer for one caller. `param_edits` is the caller's stored object, echoed as it is."""
    params = [p for p in registry.params.values() if p.permission is None or caller.may(p.permission)]
    upscalers = [entry.name for entry in catalog.seen_by(caller, UPSCALERS) if entry.supported]
    return {
        "list": [_param(registry, param, upscalers) for param in params],
        "groups": [_group(group) for group in _groups(registry, params)],
        "models": {
            subtype: [[entry.name, entry.class_id or None] for entry in catalog.seen_by(caller, subtype)]
            for subtype in SUBTYPES
        },
        "model_compat_classes": _COMPAT_CLASSES,
        "model_classes": _MODEL_CLASSES,
        "wildcards": list(catalog.wildcards.all) if caller.may("read_wildcards") else [],
        "param_edits": param_edits,
    }


def _groups(registry: Registry, params: list[Param]) -> list[Group]:
    """The groups of these parameters and the groups around them, by priority."""
    needed: dict[str, Group] = {}
    for param in params:
        name = param.group
        while name is not None and name not in needed:
            needed[name] = registry.groups[name]
            name = needed[name].parent
    return sorted(needed.values(), key=lambda group: group.priority)


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "id": group.id,
        "toggles": group.toggles,
        "open": group.open,
        "priority": group.priority,
        "description": group.description,
        "advanced": group.advanced,
        "can_shrink": group.can_shrink,
        "parent": group.parent,
    }


def _param(registry: Registry, param: Param, upscalers: list[str]) -> dict[str, Any]:
    choices = registry.choices(param, upscalers)
    return {
        "name": param.name,
        "id": param.id,
        "description": param.description,
        "type": param.type,
        "subtype": param.subtype,
        "default": param.default,
        "min": param.min,
        "max": param.max,
        "view_min": param.view_min,
        "view_max": param.view_max,
        "step": param.step,
        "values": None if choices is None else list(choices.names),
        "value_names": None if choices is None else list(choices.names.values()),
        "examples": None if param.examples is None else list(param.examples),
        "visible": param.visible,
        "advanced": param.advanced,
        "feature_flag": registry.flags(param),
        "toggleable": param.toggleable,
        "priority": param.priority,
        "group": param.group,
        "always_retain": param.always_retain,
        "do_not_save": param.do_not_save,
        "do_not_preview": param.do_not_preview,
        "view_type": param.view_type,
        "extra_hidden": param.extra_hidden,
        "can_sectionalize": param.can_sectionalize,
        "nonreusable": param.nonreusable,
        "depend_non_default": param.depend_non_default,
    }

"""The graph a request gives or names, with what it says for the gaps in it (swarm-api §5.4)."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from backends.contract import Workflow
from hub.catalog import Entry
from hub.params.collect import Collected, Value
from hub.params.context import Context
from hub.params.keys import letters
from hub.params.spec import Param
from hub.params.template import checked_graph, gaps
from hub.params.values import refused
from hub.params.workflow_defaults import take_defaults, unasked

RAW, STORED, METADATA = "comfyworkflowraw", "comfyuicustomworkflow", "comfyworkflowparammetadata"

OF_THE_WORK = frozenset(
    {
        "prompt",
        "negativeprompt",
        "seed",
        "steps",
        "width",
        "height",
        "cfgscale",
        "subseed",
        "subseedstrength",
        "initimage",
        "initimagestrength",
        "comfysampler",
        "comfyuisampler",
        "sampler",
        "comfyscheduler",
        "comfyuischeduler",
        "scheduler",
        "model",
        "prefix",
        "loras",
    }
)
"""Gaps that every picture fills for itself, by the letters of their ids."""

_DYNAMIC = re.compile(r"comfyrawworkflowinput(seed|integer|decimal|boolean|text|dropdown|model|image)[a-z]*")
_KINDS = {"seed": "integer"}


def workflow_of(collected: Collected, context: Context) -> Workflow | None:
    """The graph of a request, None when it neither gives nor names one. Raises BadInput."""
    graph, param = _graph(collected, context)
    if graph is None:
        return None
    take_defaults(graph, collected, context)
    told = _metadata(collected, context)
    values: dict[str, str | int | float | bool] = {}
    pictures: dict[str, bytes] = {}
    for tag, has_default in gaps(graph):
        key = letters(tag)
        value = _value(key, collected, context, told)
        if isinstance(value, bytes):
            pictures[key] = value
        elif value is not None:
            values[key] = value
        elif not has_default and key not in OF_THE_WORK and context.registry.find(key) is None:
            raise refused(
                param,
                f"the workflow asks for '{tag[:100]}', which is no parameter, was not given and has no "
                "default",
            )
    return Workflow(graph, values, pictures, tuple(unasked(collected)))


def still_asked(
    asked_by: Mapping[str, str], workflow: Workflow, collected: Collected, context: Context
) -> dict[str, str]:
    """What is still asked of engines, by the parameter's name: what fills a gap, the graph itself does."""
    params = context.registry.params
    filling = {
        param.id for key in (*workflow.values, *workflow.pictures) if (param := context.registry.find(key))
    }
    done = {params[key].name for key in filling}
    asked = {feature: by for feature, by in asked_by.items() if by not in done}
    for key in collected.values.keys() - filling:
        for feature in params[key].asked_of_engines:
            if feature in asked_by:
                asked.setdefault(feature, params[key].name)
    return asked


def _graph(collected: Collected, context: Context) -> tuple[str | None, Param]:
    params = context.registry.params
    stored, raw = collected.values.get(STORED), collected.values.get(RAW)
    if isinstance(stored, str):
        text = None if context.read_workflow is None else context.read_workflow(stored)
        if text is None:
            raise refused(params[STORED], f"there is no stored workflow '{stored[:100]}'")
        return checked_graph(text, STORED, params[STORED].name), params[STORED]
    if isinstance(raw, str):
        return checked_graph(raw, RAW, params[RAW].name), params[RAW]
    return None, params[RAW]


def _metadata(collected: Collected, context: Context) -> Mapping[str, Any]:
    text = collected.values.get(METADATA)
    if not isinstance(text, str):
        return {}
    try:
        told = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as trouble:
        raise refused(
            context.registry.params[METADATA], "it must be a JSON object of objects by parameter id"
        ) from trouble
    return {letters(key): kind for key, kind in told.items() if isinstance(kind, dict)}


def _value(
    key: str, collected: Collected, context: Context, told: Mapping[str, Any]
) -> str | int | float | bool | bytes | None:
    """What the request says for a gap, None when nothing."""
    if key in OF_THE_WORK:
        return None
    param = context.registry.find(key)
    if param is not None:
        return _plain(collected.values.get(param.id))
    given = collected.loose(key)
    if given is None:
        return None
    return _plain(collected.convert(_dynamic(key, told.get(key, {})), given))


def _dynamic(key: str, told: Mapping[str, Any]) -> Param:
    """The parameter that a graph's own input is: as its metadata says, else as its id says."""
    named = _DYNAMIC.fullmatch(key)
    kind = str(told.get("type", named[1] if named is not None else "text")).lower()
    kind = _KINDS.get(kind, kind)
    name = str(told.get("name", key))[:200]
    if kind == "integer" or kind == "decimal":
        least, most = told.get("min"), told.get("max")
        bounds = [side if isinstance(side, int | float) else 0 for side in (least, most)]
        return Param(name=name, description="", type="integer" if kind == "integer" else "decimal",
                     min=bounds[0], max=bounds[1])  # fmt: skip
    if kind == "boolean":
        return Param(name=name, description="", type="boolean")
    return Param(name=name, description="", type="image" if kind == "image" else "text")


def _plain(value: Value | None) -> str | int | float | bool | bytes | None:
    if isinstance(value, Entry):
        return value.name
    if isinstance(value, tuple):
        return ",".join(part.name if isinstance(part, Entry) else f"{part:g}" for part in value)
    return value

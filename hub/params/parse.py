"""A loose request to one frozen, checked GenRequest. Every refusal happens on this way.

Pure given its context: no clock, no waiting, nothing changed. The rules are those of swarm-api §4.1 and §5.3.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hub.accounts.caller import Caller
from hub.errors import BadInput
from hub.params.build import build
from hub.params.collect import Collected
from hub.params.context import Context
from hub.params.keys import letters
from hub.params.over import NOTHING, change_prompts, taken_out
from hub.params.prompts import Prompting, settle_seeds
from hub.params.request import GenRequest
from hub.params.values import shown_value
from hub.params.workflow import RAW, STORED, still_asked, workflow_of

_HEAVY_TEXT = 256 * 1024
_LONG_PROMPT = 4096
_COUNTS = ("images", "batchsize")
_FEW = frozenset(map(str, range(9)))


def parse(raw: Mapping[str, Any], caller: Caller, context: Context) -> GenRequest:
    """The request that `raw` means. Raises HubError or BadInput naming the field and its limit.

    Reads a picture's header when one is sent along: see `is_heavy`.
    """
    if not any(letters(key) == "images" for key in raw):
        raise BadInput("Missing required parameter 'images'", field="images", limit=context.limits.images)
    collected = Collected(caller, context)
    collected.take(raw)
    extra = _extra_metadata(raw, context)
    used, missing = _take_presets(preset_titles(raw), collected, context)
    _lay_over(collected, context, used, missing)
    settle_seeds(collected.values, context.random)
    prompting = Prompting(collected, caller, context)
    used += prompting.apply(collected)
    if used:
        extra["presets_used"] = list(dict.fromkeys(used))
    if missing:
        extra["presets_not_found"] = missing
    workflow = workflow_of(collected, context)
    collected.leave_the_rest()
    request = build(collected, prompting, caller, context, extra)
    if workflow is None:
        return request
    asked = still_asked(request.asked_by, workflow, collected, context)
    return msgspec.structs.replace(request, workflow=workflow, asked_by=asked)


def is_heavy(raw: Mapping[str, Any]) -> bool:
    """Whether parsing decodes a large text, reads a file or fills many prompts: it belongs into a thread."""
    if any(letters(key) in (RAW, STORED) for key in raw):
        return True
    many = any(letters(key) in _COUNTS and str(value) not in _FEW for key, value in raw.items())
    texts = [value for value in raw.values() if isinstance(value, str)]
    return any(
        len(value) > _HEAVY_TEXT
        or value.startswith(("inputs/", "raw/", "Starred/"))
        or ("<" in value and (many or len(value) > _LONG_PROMPT))
        for value in texts
    )


def preset_titles(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The titles of the presets a request names, in order. Raises BadInput when they are no list of texts."""
    named = raw.get("presets")
    if named is None or named == "":
        return ()
    if isinstance(named, str):
        return (named,)
    if not isinstance(named, list) or not all(isinstance(title, str) for title in named) or len(named) > 100:
        raise BadInput(
            f"Invalid value '{shown_value(named)}' for parameter 'presets', must be a list of preset titles",
            field="presets",
            limit=100,
        )
    return tuple(named)


def _lay_over(collected: Collected, context: Context, used: list[str], missing: list[str]) -> None:
    """Take what comes after the presets: a grid's values, and what either says of prompts and presets."""
    own, over = taken_out(collected.values), context.over
    if own is NOTHING and over is NOTHING:
        return
    collected.take(over.values)
    for one in (own, over):
        change_prompts(collected.values, one)
        more, unknown = _take_presets(one.presets, collected, context)
        used += more
        missing += unknown


def _take_presets(
    titles: Iterable[str], collected: Collected, context: Context
) -> tuple[list[str], list[str]]:
    """Apply the named presets in order; the titles that were used and those that do not exist."""
    used: list[str] = []
    missing: list[str] = []
    for title in titles:
        preset = context.presets.get(title.lower())
        if preset is None:
            missing.append(title[:200])
        else:
            collected.take_preset(title, preset)
            used.append(title)
    return used, missing


def _extra_metadata(raw: Mapping[str, Any], context: Context) -> dict[str, str | list[str]]:
    given = raw.get("extra_metadata")
    if given is None or given == "":
        return {}
    limit = context.limits.prompt_kib * 1024
    if not isinstance(given, dict):
        raise BadInput(
            f"Invalid value '{shown_value(given)}' for parameter 'extra_metadata', must be an object",
            field="extra_metadata",
            limit=limit,
        )
    kept: dict[str, str | list[str]] = {}
    for key, value in given.items():
        kept[str(key)] = [_plain(item) for item in value] if isinstance(value, list) else _plain(value)
    length = sum(len(key) + sum(map(len, [v] if isinstance(v, str) else v)) for key, v in kept.items())
    if length > limit:
        raise BadInput(
            f"extra_metadata holds {length} characters, at most {limit} are accepted",
            field="extra_metadata",
            limit=limit,
        )
    return kept


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list) or (isinstance(value, int) and value.bit_length() > 128):
        raise BadInput(
            "extra_metadata takes texts and lists of texts",
            field="extra_metadata",
            limit="text or list of text",
        )
    return "" if value is None else str(value)

"""What a graph itself says for its gaps, taken up as if the request had said it: so that engine, metadata and
hubs behind this one hear the same.

Where a graph says two things of one parameter, or what no parameter can be, it stays between the graph and
the engine, and the request goes on without.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from hub.catalog import Entry
from hub.errors import BadInput, HubError
from hub.params.collect import Collected, Value
from hub.params.context import Context
from hub.params.keys import letters
from hub.params.method import fill_method
from hub.params.template import defaults

FILLED: Mapping[str, tuple[str, ...]] = {
    "steps": ("steps",),
    "cfgscale": ("cfgscale",),
    "sampler": ("sampler", "comfysampler", "comfyuisampler"),
    "scheduler": ("scheduler", "comfyscheduler", "comfyuischeduler"),
}
"""What the hub fills in where a request says nothing, and the gaps that ask for it."""

SIZES = ("width", "height", "rawresolution", "sidelength", "aspectratio")
_SIDES = ("width", "height")


def take_defaults(graph: str, collected: Collected, context: Context) -> None:
    """Let what a graph says for its gaps count as given, where the request says nothing."""
    said: dict[str, set[str]] = {}
    for tag, text in defaults(graph):
        said.setdefault(letters(tag), set()).add(text)
    found = dict(_taken(said, collected, context))
    if _SIDES[0] not in found or _SIDES[1] not in found:  # one side alone would change the other
        found = {key: value for key, value in found.items() if key not in _SIDES}
    if not _goes_together({**collected.values, **found}, collected, context):
        found = {key: value for key, value in found.items() if key not in ("sampler", "scheduler")}
    collected.values |= found


def unasked(collected: Collected) -> Iterator[str]:
    """The gaps for what the request left to the hub: there a graph's own default is the better guess."""
    for key, asking in FILLED.items():
        if key not in collected.values:
            yield from asking
    if not any(key in collected.values for key in SIZES):
        yield from _SIDES


def _taken(
    said: Mapping[str, set[str]], collected: Collected, context: Context
) -> Iterator[tuple[str, Value]]:
    sizes_given = any(key in collected.values for key in SIZES)
    wanted = dict(FILLED) | ({} if sizes_given else {side: (side,) for side in _SIDES})
    for key, names in wanted.items():
        texts = set().union(*(said.get(name, ()) for name in names))
        if key in collected.values or len(texts) != 1:
            continue
        (text,) = texts
        with suppress(BadInput):
            value = collected.convert(context.registry.params[key], text)
            if value is not None and (not isinstance(value, str) or value == text):
                yield key, value


def _goes_together(values: dict[str, Value], collected: Collected, context: Context) -> bool:
    """Whether an engine here can draw with this sampler and scheduler."""
    chosen = values.get("model")
    try:
        entry = chosen if isinstance(chosen, Entry) else context.catalog.default(collected.caller)
        list(fill_method(values, entry, context))
    except HubError:
        return False
    return True

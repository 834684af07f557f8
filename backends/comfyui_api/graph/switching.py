"""Prompts that change between the steps: `[cat|dog]` takes another item each step, `[cat:dog:0.5]` the second
item from half of the steps on, `[cat:dog:10]` from the tenth (swarm-api §8). Pure.
"""

import re
from itertools import groupby

from backends.comfyui_api.graph.outcome import Unbuildable

MOST = 100
"""Changing brackets in one prompt; beyond it the graph would have thousands of nodes."""

_TAG = re.compile(r"<[^<>]{0,400}>")
_WHEN = re.compile(r"\s*([0-9]{1,6}|[0-9]{0,6}\.[0-9]{1,6})\s*")
_DEEP = 16


def runs(texts: tuple[str, str], steps: int, start: int, end: int) -> list[tuple[int, int, tuple[str, str]]]:
    """Both prompts over the steps from `start` up to but not with `end`: where each run of steps with the
    same texts begins, where it ends, and the texts. Raises Unbuildable.
    """
    if not any("[" in text for text in texts):
        return [(start, end, texts)]
    if sum(text.count("[") for text in texts) > MOST * 4:
        raise Unbuildable(
            f"Invalid value for parameter Prompt: it has more than {MOST} brackets that may change between "
            "the steps; use fewer."
        )
    first, second = texts
    at = [(at_step(first, step, steps), at_step(second, step, steps)) for step in range(start, end)]
    found, begun = [], start
    for text, same in groupby(at):
        length = len(list(same))
        found.append((begun, begun + length, text))
        begun += length
    return found


def at_step(prompt: str, step: int, steps: int, deep: int = 0) -> str:
    """The prompt as it reads at one step, counted from 0."""
    made, place = [], 0
    while (begin := prompt.find("[", place)) >= 0:
        made.append(prompt[place:begin])
        end = _closing(prompt, begin) if not (begin and prompt[begin - 1] == "\\") else -1
        if end < 0:
            made.append("[")
            place = begin + 1
            continue
        body = prompt[begin + 1 : end]
        chosen = _chosen(body, step, steps)
        if chosen is None:
            inner = at_step(body, step, steps, deep + 1) if deep < _DEEP else body
            made.append(f"[{inner}]")
        else:
            made.append(at_step(chosen, step, steps, deep + 1) if deep < _DEEP else chosen)
        place = end + 1
    return "".join([*made, prompt[place:]])


def _chosen(body: str, step: int, steps: int) -> str | None:
    """The item of a bracket that counts now; None for one that does not change."""
    items = _items(body, "|")
    if len(items) > 1:
        return items[step % len(items)]
    parts = _items(body, ":")
    if len(parts) != 3 or (when := _WHEN.fullmatch(parts[2])) is None:
        return None
    # a point makes it a part of the steps; people write 1.0 for the end
    at = float(when[1]) * steps if "." in when[1] else int(when[1])
    return parts[step >= at]


def _items(body: str, mark: str) -> list[str]:
    """The body at its marks; those inside of brackets and tags belong to what is there."""
    tags = {place for tag in _TAG.finditer(body) for place in range(tag.start(), tag.end())}
    items, deep, begin = [], 0, 0
    for place, sign in enumerate(body):
        if place in tags:
            continue
        if sign in "([":
            deep += 1
        elif sign in ")]":
            deep = max(0, deep - 1)
        elif sign == mark and not deep:
            items.append(body[begin:place])
            begin = place + 1
    return [*items, body[begin:]]


def _closing(text: str, begin: int) -> int:
    """Where the bracket that opens at `begin` closes, -1 when it does not."""
    deep = 0
    for place in range(begin, len(text)):
        if text[place] in "[]" and text[place - 1 : place] != "\\":
            deep += 1 if text[place] == "[" else -1
            if not deep:
                return place
    return -1

"""A prompt's text with its tags carried out.

Reads in one pass, whatever brackets a text has; what is no known tag stays as it was typed.
"""

import importlib
import pkgutil
import re
from collections.abc import Mapping
from types import MappingProxyType

from hub.params import tags
from hub.params.tags.tag import Filling, Tag

MAX_DEPTH = 32
"""Tags may stand in tags so deep; a bracket further inside is text."""

_BRACKET = re.compile(r"[<>]")
_HEAD = re.compile(r"\s*([a-z]+)\s*(?:\[([^\]]*)\])?\s*(?::|$)", re.IGNORECASE)


def _find() -> dict[str, Tag]:
    found: dict[str, Tag] = {}
    for module in pkgutil.iter_modules(tags.__path__):
        tag = getattr(importlib.import_module(f"{tags.__name__}.{module.name}"), "TAG", None)
        if isinstance(tag, Tag):
            found |= dict.fromkeys(tag.names, tag)
    return found


def filled(text: str, filling: Filling) -> str:
    """The text without its tags, each replaced by what it gives. Raises BadInput for one that cannot be."""
    if "<" not in text:
        return text
    levels: list[list[str]] = [[]]
    deeper = end = 0
    for match in _BRACKET.finditer(text):
        levels[-1].append(text[end : match.start()])
        end = match.end()
        if match[0] == "<":
            if len(levels) > MAX_DEPTH:
                deeper += 1
                levels[-1].append("<")
            else:
                levels.append([])
        elif deeper:
            deeper -= 1
            levels[-1].append(">")
        elif len(levels) > 1:
            inner = "".join(levels.pop())
            levels[-1].append(_carried_out(inner, filling))
        else:
            levels[-1].append(">")
    levels[-1].append(text[end:])
    return "<".join("".join(level) for level in levels)


def _carried_out(inner: str, filling: Filling) -> str:
    head = _HEAD.match(inner)
    tag = TAGS.get(head[1].lower()) if head is not None else None
    if head is None or tag is None:
        return f"<{inner}>"
    return tag.fill(filling, head[2], inner[head.end() :])


TAGS: Mapping[str, Tag] = MappingProxyType(_find())
"""Every tag by each of its names, in lower case."""

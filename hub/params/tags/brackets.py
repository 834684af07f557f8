"""Where the tags of a text are: reading of brackets and of lists between them. Pure."""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from hub.params.tags.tag import Tag

_BRACKET = re.compile(r"[<>]")
# Bounded blanks: two unbounded runs side by side would take quadratic time to fail.
_HEAD = re.compile(r"\s{0,20}([a-z]{1,20})\s{0,20}(?:\[([^\]<>]{0,200})\]\s{0,20})?(:|$)", re.IGNORECASE)
_MARKS = ("||", "|", ",")
_PLACES = re.compile(r"[<>,]|\|\|?")


class Place(Struct, frozen=True):
    """A tag in a text: from its `<` at `start` to behind its `>` at `end`."""

    start: int
    end: int
    tag: Tag
    options: str | None
    body: str


def places(text: str, tags: Mapping[str, Tag]) -> Iterator[Place]:
    """The outermost tags of a text in order; brackets that are none of these stay text."""
    closed = _pairs(text)
    start = text.find("<")
    while start >= 0:
        place = _place(text, start, closed[start], tags) if start in closed else None
        if place is not None:
            yield place
        start = text.find("<", start + 1 if place is None else place.end)


def parts(text: str) -> list[str]:
    """The items of a list, trimmed: parted by the most specific mark it has, `||`, `|` or `,`. Marks inside
    of brackets belong to what is there."""
    found: dict[str, list[int]] = {mark: [] for mark in _MARKS}
    deep = 0
    for match in _PLACES.finditer(text):
        sign = match[0]
        if sign == "<":
            deep += 1
        elif sign == ">":
            deep = max(0, deep - 1)
        elif not deep:
            found[sign].append(match.start())
    mark = next((mark for mark in _MARKS if found[mark]), None)
    if mark is None:
        return [text.strip()]
    items, begin = [], 0
    for place in found[mark]:
        items.append(text[begin:place].strip())
        begin = place + len(mark)
    return [*items, text[begin:].strip()]


def _pairs(text: str) -> dict[int, int]:
    """Where each opening bracket that is closed is closed."""
    closed: dict[int, int] = {}
    opened: list[int] = []
    for match in _BRACKET.finditer(text):
        if match[0] == "<":
            opened.append(match.start())
        elif opened:
            closed[opened.pop()] = match.start()
    return closed


def _place(text: str, start: int, close: int, tags: Mapping[str, Tag]) -> Place | None:
    head = _HEAD.match(text, start + 1, close)
    tag = tags.get(head[1].lower()) if head is not None else None
    if head is None or tag is None or tag.bare is bool(head[3]) or (tag.bare and head[2] is not None):
        return None
    return Place(start, close + 1, tag, head[2], text[head.end() : close])

"""Prompts that change between the steps: `[cat|dog]` takes another item each step, `[cat:dog:0.5]` the second
item from half of the steps on, `[cat:dog:10]` from the tenth (swarm-api §8). Pure.
"""

import re
from collections.abc import Sequence

from msgspec import Struct

MAX_DEPTH = 16
"""Changing brackets may stand so deep in each other; deeper ones are text."""

MAX_CHANGES = 100
"""Changing brackets in one prompt."""

_SIGN = re.compile(r"\\[()\[\]]|<[^<>\[\]]{0,20}:[^<>]{0,400}>|[\[\]():|]")
_WHEN = re.compile(r"\s*([0-9]{1,6}|[0-9]{0,6}\.[0-9]{1,6})\s*")


class _Mark(Struct, frozen=True):
    """A `|` or `:` between items; text where the brackets come to nothing."""

    sign: str


class _Change(Struct, frozen=True):
    """Brackets that change. `when` is the step from which the second item holds, or the part of the steps;
    None for items that take turns."""

    items: "tuple[tuple[_Node, ...], ...]"
    when: str | None = None


_Node = str | _Change


def changes(prompt: str) -> bool:
    """Whether the prompt is another one at some step."""
    return any(isinstance(node, _Change) for node in _parsed(prompt))


def at_steps(prompt: str, steps: int) -> tuple[str, ...]:
    """The prompt at each of so many steps; once where it never changes, or nothing is walked.

    Raises ValueError for more changes than anybody means.
    """
    nodes = _parsed(prompt)
    count = _count(nodes)
    if not count:
        return (prompt,)
    if count > MAX_CHANGES:
        raise ValueError(
            f"The prompt has {count} brackets that change between the steps, at most {MAX_CHANGES}."
        )
    return tuple(_written(nodes, step, steps) for step in range(max(1, steps)))


def _count(nodes: Sequence[_Node]) -> int:
    changing = [node for node in nodes if isinstance(node, _Change)]
    return len(changing) + sum(_count(item) for change in changing for item in change.items)


def _written(nodes: Sequence[_Node], step: int, steps: int) -> str:
    return "".join(
        node if isinstance(node, str) else _written(_now(node, step, steps), step, steps) for node in nodes
    )


def _now(change: _Change, step: int, steps: int) -> Sequence[_Node]:
    if change.when is None:
        return change.items[step % len(change.items)]
    # a point makes it a part of the steps; SwarmUI's users write 1.0 for the end
    at = float(change.when) * steps if "." in change.when else int(change.when)
    return change.items[step >= at]


class _Bracket:
    """An opened bracket with what has come since."""

    def __init__(self) -> None:
        self.parts: list[_Node | _Mark] = []
        self.round = 0


def _parsed(prompt: str) -> list[_Node]:
    """The prompt's pieces, in one pass whatever brackets it has."""
    if "[" not in prompt:
        return [prompt]
    opened = [_Bracket()]
    deeper = end = 0
    for match in _SIGN.finditer(prompt):
        here, sign = opened[-1], match[0]
        here.parts.append(prompt[end : match.start()])
        end = match.end()
        if sign == "[" and len(opened) <= MAX_DEPTH:
            opened.append(_Bracket())
        elif sign == "]" and not deeper and len(opened) > 1:
            opened.pop()
            opened[-1].parts.extend(_closed(here))
        else:
            deeper += (sign == "[") - (sign == "]" and deeper > 0)
            here.round = max(0, here.round + (sign == "(") - (sign == ")"))
            here.parts.append(_Mark(sign) if sign in "|:" and not here.round and not deeper else sign)
    opened[-1].parts.append(prompt[end:])
    nodes: list[_Node] = []
    for number, bracket in enumerate(opened):
        nodes += ["["] * bool(number)
        nodes += _as_text(bracket.parts)
    return nodes


def _closed(bracket: _Bracket) -> list[_Node]:
    """What a bracket that closes comes to: one change, or text with brackets around it."""
    marks = [part.sign for part in bracket.parts if isinstance(part, _Mark)]
    if "|" in marks:
        return [_Change(tuple(_items(bracket.parts, "|")))]
    if marks == [":", ":"]:
        *items, last = _items(bracket.parts, ":")
        when = _WHEN.fullmatch("".join(node for node in last if isinstance(node, str)))
        if when is not None and all(isinstance(node, str) for node in last):
            return [_Change(tuple(items), when[1])]
    return ["[", *_as_text(bracket.parts), "]"]


def _items(parts: Sequence[_Node | _Mark], sign: str) -> list[tuple[_Node, ...]]:
    items: list[list[_Node]] = [[]]
    for part in parts:
        if isinstance(part, _Mark) and part.sign == sign:
            items.append([])
        else:
            items[-1].append(part.sign if isinstance(part, _Mark) else part)
    return [tuple(item) for item in items]


def _as_text(parts: Sequence[_Node | _Mark]) -> list[_Node]:
    return [part.sign if isinstance(part, _Mark) else part for part in parts]

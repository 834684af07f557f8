"""Weights in a prompt: `(word:1.2)`, `(word)` for 1.1 times what is around it, `\\(` and `\\)` for brackets.

The rules are ComfyUI's, which SwarmUI's users know (swarm-api §8): a number replaces the weight around it,
bare brackets multiply it. Brackets without their other half are plain text.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from msgspec import Struct

_ESCAPES = ("\\(", "\\)")
_RAISED = 1.1
_MOST = 100.0
"""Beyond this a weighted state no longer fits half precision, and the picture would be lost, not changed."""

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)\s*")
_LONGEST = 24
"""Characters of a weight; a longer tail after a colon is text."""


class Piece(Struct, frozen=True):
    """A stretch of a prompt, its escapes undone, and its weight (1: as the model reads it)."""

    text: str
    weight: float = 1.0


def weigh(prompt: str) -> tuple[Piece, ...]:
    """The prompt in pieces, none of them empty. A prompt with no weights is one piece, word for word.

    Takes time in proportion to the prompt's length, however it is nested.
    """
    stretches = groupby(_letters(prompt), key=lambda letter: letter[1:])
    return tuple(Piece("".join(sign for sign, _, _ in letters), weight) for (_, weight), letters in stretches)


def _letters(prompt: str) -> Iterator[tuple[str, int, float]]:
    """Each character that is text, the number of the stretch between brackets it stands in, its weight."""
    closed = _pairs(prompt)
    around = [(len(prompt), len(prompt), 1.0)]
    stretch = place = 0
    while place < len(prompt):
        end, closing, weight = around[-1]
        if place == end:
            around.pop()
            place, stretch = closing + 1, stretch + 1
        elif place in closed:
            around.append(_inside(prompt, place, closed[place], weight))
            place, stretch = place + 1, stretch + 1
        else:
            place += prompt.startswith(_ESCAPES, place)
            yield prompt[place], stretch, weight
            place += 1


def escaped(text: str) -> str:
    """The text as a prompt that means just it."""
    return text.replace("(", "\\(").replace(")", "\\)")


def _pairs(prompt: str) -> dict[int, int]:
    """Where each opening bracket that is closed is closed."""
    closed, opened, place = {}, [], 0
    while place < len(prompt):
        if prompt.startswith(_ESCAPES, place):
            place += 2
            continue
        if prompt[place] == "(":
            opened.append(place)
        elif prompt[place] == ")" and opened:
            closed[opened.pop()] = place
        place += 1
    return closed


def _inside(prompt: str, opening: int, closing: int, around: float) -> tuple[int, int, float]:
    """Where the text of a pair of brackets ends, where they close, and the text's weight."""
    colon = prompt.rfind(":", max(opening + 2, closing - _LONGEST), closing)
    if colon >= 0 and _NUMBER.fullmatch(prompt, colon + 1, closing):
        return colon, closing, _bounded(float(prompt[colon + 1 : closing]))
    return closing, closing, _bounded(around * _RAISED)


def _bounded(weight: float) -> float:
    return max(-_MOST, min(_MOST, weight))

"""How a long prompt is put into windows of an encoder's length: words stay whole, breaks begin a new one."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

Token = TypeVar("Token")

_WHOLE = 8
"""Tokens of a word that is rather moved to the next window than cut; longer ones are no words."""


def fill(sections: Iterable[Sequence[Sequence[Token]]], room: int) -> list[list[Token]]:
    """Words (each its tokens) of all sections in windows of at most `room` tokens, in order; at least one
    window.
    """
    windows: list[list[Token]] = []
    for words in sections:
        if not words:
            continue
        windows.append([])
        for word in words:
            rest = list(word)
            if len(rest) <= _WHOLE and len(rest) > room - len(windows[-1]) and windows[-1]:
                windows.append([])
            while rest:
                if len(windows[-1]) == room:
                    windows.append([])
                left = room - len(windows[-1])
                windows[-1].extend(rest[:left])
                rest = rest[left:]
    return windows or [[]]

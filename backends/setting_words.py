"""What a setting of an engine accepts, in words for people. Pure."""

import types
import typing
from typing import Annotated, Any, Literal

from msgspec import Meta

_LONGEST = 60
"""Characters of a given value that are repeated."""


def unwrapped(hint: Any) -> tuple[Any, tuple[Meta, ...]]:
    """The bare type, and the notes around it; of a value or None, the value."""
    notes: tuple[Meta, ...] = ()
    while True:
        if typing.get_origin(hint) is Annotated:
            notes += tuple(note for note in hint.__metadata__ if isinstance(note, Meta))
            hint = hint.__origin__
        elif typing.get_origin(hint) in (types.UnionType, typing.Union):
            hint = next(arm for arm in typing.get_args(hint) if arm is not type(None))
        else:
            return hint, notes


def choices(bare: Any) -> tuple[str, ...] | None:
    """The values of a choice; None for other types."""
    return tuple(map(str, typing.get_args(bare))) if typing.get_origin(bare) is Literal else None


def bounds(notes: tuple[Meta, ...]) -> dict[str, Any]:
    """The numbers between which a value lies, by `min`, `max`, `above` and `below`."""
    return {
        word: bound
        for word, name in (("min", "ge"), ("max", "le"), ("above", "gt"), ("below", "lt"))
        for note in notes
        if (bound := getattr(note, name)) is not None
    }


def accepted(hint: Any, placeholder: str = "") -> str:
    """What a setting takes: "a whole number from 0 to 9"."""
    bare, notes = unwrapped(hint)
    if found := choices(bare):
        return f"one of {', '.join(found)}"
    if bare is bool:
        return "true or false"
    if bare in (int, float):
        return f"{'a whole number' if bare is int else 'a number'}{_range(bounds(notes))}"
    most = next((note.max_length for note in notes if note.max_length is not None), None)
    words = "text" if most is None else f"text of at most {most} characters"
    return f"{words} like {placeholder}" if placeholder else words


def _range(limits: dict[str, Any]) -> str:
    if "min" in limits and "max" in limits:
        return f" from {limits['min']:g} to {limits['max']:g}"
    words = {"min": "of at least", "max": "of at most", "above": "above", "below": "below"}
    told = [f"{words[word]} {bound:g}" for word, bound in limits.items()]
    return f" {' and '.join(told)}" if told else ""


def repeated(value: object) -> str:
    """A given value, as people recognise it."""
    text = value if isinstance(value, str) else repr(value)
    return f"'{text}'" if len(text) <= _LONGEST else f"'{text[:_LONGEST]}…'"

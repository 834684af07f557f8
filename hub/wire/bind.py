"""How a request's JSON object becomes a route's input struct (swarm-api §1.2).

Scalars are looked up by exact key in the body's root and read from the *text* of the JSON value, so `"3"`,
`3` and `3.0` are the same whole number; a field typed `Body` receives the whole body. Every refusal names
field and limit.
"""

import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import NODEFAULT, Struct

from hub.errors import BadInput
from hub.wire.route import Nothing, Undeclared

NESTED: Final = ("raw", "rawData", "rawInput", "raw_inp")
"""Keys under which clients written from SwarmUI's documentation put what belongs at the root (swarm-api
§13.3)."""

SESSION: Final = "session_id"
INT32: Final = (-(2**31), 2**31 - 1)
INT64: Final = (-(2**63), 2**63 - 1)
SHOWN: Final = 80
"""Characters of a refused value that an error repeats."""


class WholeBody:
    """Marks the field that takes the whole body minus the session id."""


Body = Annotated[dict[str, Any], WholeBody()]
"""Annotation of a field that receives the whole body minus `session_id`, whatever the field is called."""

Binder = Callable[[dict[str, Any]], Struct]
Coerce = Callable[[Any], Any]


def text_of(value: object) -> str:
    """The text of a JSON value as a loose reader sees it: null is empty, 20.0 is "20", true is "True"."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return str(int(value))
    if isinstance(value, (dict, list)):
        return msgspec.json.encode(value).decode()
    return str(value)


def shown(value: object) -> str:
    """A refused value, short enough to be repeated in an answer."""
    text = text_of(value) if not isinstance(value, (dict, list)) else type(value).__name__
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def compile_binder(struct: type[Struct]) -> Binder:
    """Make the function that reads `struct` from a body; raises Undeclared for a field it cannot read."""
    if struct is Nothing:
        nothing = Nothing()
        return lambda body: nothing
    hints = typing.get_type_hints(struct, include_extras=True)
    whole: list[str] = []
    readers: list[tuple[str, str, Coerce, bool]] = []
    for part in msgspec.structs.fields(struct):
        if is_whole_body(hints[part.name]):
            whole.append(part.name)
            continue
        required = part.default is NODEFAULT and part.default_factory is NODEFAULT
        coerce = _coercer(struct, part.encode_name, hints[part.name])
        readers.append((part.name, part.encode_name, coerce, required))
    declared = frozenset(wire for _, wire, _, _ in readers)

    def bind(body: dict[str, Any]) -> Struct:
        body = lift(body, declared)
        values: dict[str, Any] = {}
        for name, wire, coerce, required in readers:
            if wire in body:
                values[name] = coerce(body[wire])
            elif required:
                raise BadInput(f"Missing required parameter '{wire}'", field=wire)
        for name in whole:
            values[name] = {key: value for key, value in body.items() if key != SESSION}
        return struct(**values)

    return bind


def is_whole_body(hint: Any) -> bool:
    """Whether a field's annotation is `Body`."""
    return any(isinstance(note, WholeBody) for note in getattr(hint, "__metadata__", ()))


def lift(body: dict[str, Any], declared: frozenset[str]) -> dict[str, Any]:
    """The body with the documented nesting undone: what the root lacks is taken from `raw`, `rawData`, …"""
    for key in NESTED:
        if key in body and key not in declared and isinstance(body[key], dict):
            body = body[key] | {name: value for name, value in body.items() if name != key}
    return body


def _coercer(struct: type[Struct], wire: str, hint: Any) -> Coerce:
    kind, notes, optional = unwrap(hint)
    make = _MAKERS.get(kind)
    if make is None:
        raise Undeclared(f"{struct.__name__}.{wire}: a route's input cannot be typed {hint!r}")
    coerce = make(wire, notes)
    if not optional:
        return coerce
    return lambda value: None if value is None else coerce(value)


def unwrap(hint: Any) -> tuple[Any, tuple[msgspec.Meta, ...], bool]:
    """A field's bare type, its msgspec.Meta notes, and whether None is allowed."""
    notes: tuple[msgspec.Meta, ...] = ()
    optional = False
    while True:
        if typing.get_origin(hint) is Annotated:
            notes += tuple(note for note in hint.__metadata__ if isinstance(note, msgspec.Meta))
            hint = hint.__origin__
        elif typing.get_origin(hint) in (types.UnionType, typing.Union):
            arms = [arm for arm in typing.get_args(hint) if arm is not type(None)]
            optional = optional or len(arms) < len(typing.get_args(hint))
            if len(arms) != 1:
                return hint, notes, optional
            hint = arms[0]
        else:
            return hint, notes, optional


def _bound(notes: tuple[msgspec.Meta, ...], name: str) -> Any:
    return next((getattr(note, name) for note in notes if getattr(note, name) is not None), None)


def _wrong(wire: str, value: object, kind: str) -> BadInput:
    return BadInput(
        f"Invalid value '{shown(value)}' for parameter '{wire}', must be type '{kind}'",
        field=wire,
        limit=kind,
    )


def _check_range(wire: str, number: float, low: float | None, high: float | None) -> None:
    if (low is not None and number < low) or (high is not None and number > high):
        raise BadInput(
            f"Invalid value '{number}' for parameter '{wire}', must be {_span(low, high)}",
            field=wire,
            limit={name: bound for name, bound in (("min", low), ("max", high)) if bound is not None},
        )


def _span(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return f"between {low} and {high}"


_WHOLE = re.compile(r"\s*[+-]?\d{1,40}\s*", re.ASCII)


def _make_int(wire: str, notes: tuple[msgspec.Meta, ...]) -> Coerce:
    low, high = _bound(notes, "ge"), _bound(notes, "le")
    wide = (high is not None and high > INT32[1]) or (low is not None and low < INT32[0])
    kind, span = ("Int64", INT64) if wide else ("Int32", INT32)

    def coerce(value: Any) -> int:
        text = text_of(value)
        if not _WHOLE.fullmatch(text):
            raise _wrong(wire, value, kind)
        number = int(text)
        if not span[0] <= number <= span[1]:
            raise _wrong(wire, value, kind)
        _check_range(wire, number, low, high)
        return number

    return coerce


def _make_float(wire: str, notes: tuple[msgspec.Meta, ...]) -> Coerce:
    low, high = _bound(notes, "ge"), _bound(notes, "le")

    def coerce(value: Any) -> float:
        try:
            number = math.nan if isinstance(value, bool) else float(text_of(value))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise _wrong(wire, value, "Double")
        _check_range(wire, number, low, high)
        return number

    return coerce


def _make_bool(wire: str, notes: tuple[msgspec.Meta, ...]) -> Coerce:
    def coerce(value: Any) -> bool:
        if value is True or value is False:
            return bool(value)
        word = value.strip().lower() if isinstance(value, str) else ""
        if word not in {"true", "false"}:
            raise _wrong(wire, value, "Boolean")
        return word == "true"

    return coerce


def _make_str(wire: str, notes: tuple[msgspec.Meta, ...]) -> Coerce:
    longest = _bound(notes, "max_length")

    def coerce(value: Any) -> str:
        text = text_of(value)
        if longest is not None and len(text) > longest:
            raise BadInput(
                f"Parameter '{wire}' is too long: {len(text)} characters, at most {longest}",
                field=wire,
                limit=longest,
            )
        return text

    return coerce


def _make_list(wire: str, notes: tuple[msgspec.Meta, ...]) -> Coerce:
    def coerce(value: Any) -> list[str]:
        if not isinstance(value, list):
            raise _wrong(wire, value, "String[]")
        return [text_of(item) for item in value]

    return coerce


_MAKERS: Mapping[Any, Callable[[str, tuple[msgspec.Meta, ...]], Coerce]] = {
    int: _make_int,
    float: _make_float,
    bool: _make_bool,
    str: _make_str,
    list[str]: _make_list,
}

KINDS: Mapping[Any, str] = {
    int: "integer",
    float: "number",
    bool: "boolean",
    str: "string",
    list[str]: "array",
}
"""The JSON kind of each type an input field may have."""

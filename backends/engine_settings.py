"""The settings of an engine: what its type knows, read from loose values, and described for a page.

Names are those of the wire (a struct's `rename`), matched in any letter case.
"""

import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from backends.contract import EngineType

Given = Mapping[str, str | int | float | bool]
"""Values of settings by their name on the wire."""


class RefusedSetting(Exception):
    """A setting that an engine has not, or a value it cannot take; the text is a sentence for the
    administrator, `name` the setting, `limit` what would be accepted.
    """

    def __init__(self, text: str, name: str, limit: object) -> None:
        super().__init__(text)
        self.name = name
        self.limit = limit


class SettingField(Struct, frozen=True):
    """One setting as a page shows it (swarm-api §9): `type` is text, integer, decimal, boolean or dropdown;
    `default` its value when nothing is set.
    """

    name: str
    type: str
    title: str
    description: str
    placeholder: str
    is_secret: bool
    values: tuple[str, ...] | None
    default: str | int | float | bool


def fields_of(kind: EngineType) -> tuple[SettingField, ...]:
    """Every setting of a type, in the order of its struct."""
    return tuple(_described(kind, part) for part in msgspec.structs.fields(kind.settings))


def secrets_of(kind: EngineType) -> frozenset[str]:
    """Names of the settings whose values are never shown."""
    return frozenset(field.name for field in fields_of(kind) if field.is_secret)


def named(kind: EngineType, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given values by the names of the wire; names that the type has not stay as they are."""
    wire = {name.lower(): name for name in kind.settings.__struct_encode_fields__}
    return {wire.get(name.lower(), name): value for name, value in given.items()}


def read_settings(kind: EngineType, given: Given) -> Any:
    """The type's own struct, with its defaults where nothing is given. Raises RefusedSetting."""
    parts = {part.encode_name: part for part in msgspec.structs.fields(kind.settings)}
    values = {}
    for name, value in named(kind, given).items():
        part = parts.get(name)
        if part is None:
            known = ", ".join(parts) or "none"
            text = f"{kind.name} has no setting {name[:80]!r}; it has: {known}."
            raise RefusedSetting(text, name[:80], list(parts))
        values[part.name] = _read(kind, part, value)
    try:
        # once more as a whole, for what the struct itself checks
        return kind.settings(**values)
    except (TypeError, ValueError) as wrong:
        raise RefusedSetting(f"{kind.name} cannot be set up so: {wrong}.", "settings", list(parts)) from wrong


def set_values(kind: EngineType, settings: Struct) -> dict[str, str | int | float | bool]:
    """What differs from the defaults, by the names of the wire."""
    return {
        part.encode_name: msgspec.to_builtins(value)
        for part in msgspec.structs.fields(kind.settings)
        if (value := getattr(settings, part.name)) != part.default
    }


def _read(kind: EngineType, part: msgspec.structs.FieldInfo, value: object) -> Any:
    try:
        return msgspec.convert(value, part.type, strict=False)
    except msgspec.ValidationError as wrong:
        # the value itself is not repeated: it may be secret, and users who may not see it are told this too
        text = f"{kind.name}: the setting {part.encode_name!r} cannot be used so: {wrong}."
        raise RefusedSetting(text, part.encode_name, _limit(part)) from wrong


def _limit(part: msgspec.structs.FieldInfo) -> object:
    """What a setting accepts: its choices, its bounds, else the kind of value."""
    bare, notes = _unwrapped(part.type)
    if choices := _choices(bare):
        return list(choices)
    bounds = {
        word: bound
        for word, name in (("min", "ge"), ("max", "le"), ("above", "gt"), ("below", "lt"))
        for note in notes
        if (bound := getattr(note, name)) is not None
    }
    return bounds or _KINDS.get(bare, "text")


_KINDS = {bool: "boolean", int: "integer", float: "decimal", str: "text"}


def _described(kind: EngineType, part: msgspec.structs.FieldInfo) -> SettingField:
    bare, notes = _unwrapped(part.type)
    choices = _choices(bare)
    default = "" if part.default is msgspec.NODEFAULT else part.default
    return SettingField(
        name=part.encode_name,
        type="dropdown" if choices else _KINDS.get(bare, "text"),
        title=next((note.title for note in notes if note.title), part.encode_name),
        description=next((note.description for note in notes if note.description), ""),
        placeholder=str(_meta(part, "placeholder", "")),
        is_secret=bool(_meta(part, "secret", False)),
        values=choices,
        default=default,
    )


def _unwrapped(hint: Any) -> tuple[Any, tuple[Meta, ...]]:
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


def _choices(bare: Any) -> tuple[str, ...] | None:
    return tuple(map(str, typing.get_args(bare))) if typing.get_origin(bare) is Literal else None


def _meta(part: msgspec.structs.FieldInfo, name: str, default: object) -> object:
    for note in _unwrapped(part.type)[1]:
        if note.extra and name in note.extra:
            return note.extra[name]
    return default

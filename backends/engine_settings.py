"""The settings of an engine: what its type knows, read from loose values, and described for a page.

Names are those of the wire (a struct's `rename`), matched in any letter case.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from backends.contract import EngineType
from backends.setting_words import accepted, bounds, choices, repeated, unwrapped

Given = Mapping[str, str | int | float | bool]
"""Values of settings by their name on the wire."""


class RefusedSetting(Exception):
    """A setting that an engine has not, or a value it cannot take; the text is a sentence for the
    administrator, `name` the setting, `limit` what would be accepted.

    The text does not repeat the value: users who may not see it are told it too. `told` does, where it is no
    secret, for whoever has just sent it.
    """

    def __init__(self, text: str, name: str, limit: object, told: str = "") -> None:
        super().__init__(text)
        self.name = name
        self.limit = limit
        self.told = told or text


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
        title, takes = _title(part), accepted(part.type, str(_meta(part, "placeholder", "")))
        named = f"{kind.name}: the setting '{title}'"
        if title != part.encode_name:
            named += f" ({part.encode_name})"
        given = "" if _meta(part, "secret", False) else f", not {repeated(value)}"
        raise RefusedSetting(
            f"{named} has a value that it cannot have: it takes {takes}.",
            part.encode_name,
            _limit(part),
            f"{named} takes {takes}{given}.",
        ) from wrong


def _limit(part: msgspec.structs.FieldInfo) -> object:
    """What a setting accepts: its choices, its bounds, else the kind of value."""
    bare, notes = unwrapped(part.type)
    if found := choices(bare):
        return list(found)
    return bounds(notes) or _KINDS.get(bare, "text")


_KINDS = {bool: "boolean", int: "integer", float: "decimal", str: "text"}


def _described(kind: EngineType, part: msgspec.structs.FieldInfo) -> SettingField:
    bare, notes = unwrapped(part.type)
    options = choices(bare)
    default = "" if part.default is msgspec.NODEFAULT else part.default
    return SettingField(
        name=part.encode_name,
        type="dropdown" if options else _KINDS.get(bare, "text"),
        title=_title(part),
        description=next((note.description for note in notes if note.description), ""),
        placeholder=str(_meta(part, "placeholder", "")),
        is_secret=bool(_meta(part, "secret", False)),
        values=options,
        default=default,
    )


def _title(part: msgspec.structs.FieldInfo) -> str:
    """What people call a setting."""
    return next((note.title for note in unwrapped(part.type)[1] if note.title), part.encode_name)


def _meta(part: msgspec.structs.FieldInfo, name: str, default: object) -> object:
    for note in unwrapped(part.type)[1]:
        if note.extra and name in note.extra:
            return note.extra[name]
    return default

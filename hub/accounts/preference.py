"""User settings: what one is, how it is shown, how a new value is read. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

Value = str | int | float | bool | tuple[str, ...]
SECRET = "\t<secret>"  # noqa: S105 - what stands in place of one; sent back it means "unchanged"
LONGEST = 10_000


class Preference(Struct, frozen=True):
    """One user setting. `id` is dotted (`FileFormat.DPI`), `kind` text, integer, decimal, boolean, dropdown,
    list or group; `values` and `names` are a dropdown's choices, or `values_from` says who provides them.
    A `restricted` one is set by an admin only; a `secret` one is never shown."""

    id: str
    kind: str
    default: Value | None
    text: str
    values: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    values_from: str = ""
    restricted: bool = False
    secret: bool = False

    @property
    def key(self) -> str:
        """The id as it is sent and stored: in lower case."""
        return self.id.lower()


class Choices(Struct, frozen=True):
    """Values that come from elsewhere: theme id, language code and name of a word list to the name shown."""

    themes: Mapping[str, str] = {}
    languages: Mapping[str, str] = {}
    word_lists: Mapping[str, str] = {}

    def of(self, entry: Preference) -> tuple[Sequence[str] | None, Sequence[str] | None]:
        """Values and names of a dropdown; None and None for other kinds."""
        if entry.values_from:
            found: Mapping[str, str] = getattr(self, entry.values_from)
            return tuple(found), tuple(found.values())
        return entry.values, entry.names or entry.values


def shown(
    entries: Iterable[Preference],
    value_of: Callable[[Preference], Value],
    choices: Choices,
    *,
    with_restricted: bool = False,
) -> dict[str, Any]:
    """The settings object of swarm-api §6: nested groups, keys in lower case."""
    root: dict[str, Any] = {}
    for entry in entries:
        if entry.restricted and not with_restricted:
            continue
        parent, _, name = entry.id.rpartition(".")
        target = root[parent.lower()]["value"] if parent else root
        if entry.kind == "group":
            target[name.lower()] = _field(entry, name, {}, None, None)
            continue
        values, names = choices.of(entry)
        value = SECRET if entry.secret else _plain(value_of(entry))
        target[name.lower()] = _field(entry, name, value, values, names) | {
            "default_value": "" if entry.secret else _plain(entry.default)
        }
    return root


def _field(
    entry: Preference, name: str, value: Any, values: Sequence[str] | None, names: Sequence[str] | None
) -> dict[str, Any]:
    return {
        "type": entry.kind,
        "name": name,
        "value": value,
        "description": entry.text,
        "values": values,
        "value_names": names,
        "is_secret": entry.secret,
    }


def _plain(value: Value | None) -> Any:
    return " || ".join(value) if isinstance(value, tuple) else value


def read(entry: Preference, given: Any, choices: Choices) -> Value | None:
    """A sent value in the setting's own type, or None when it cannot be one."""
    match entry.kind:
        case "boolean":
            return {"true": True, "false": False}.get(str(given).strip().lower())
        case "integer":
            number = _number(given)
            return int(number) if number is not None and number.is_integer() and abs(number) < 2**31 else None
        case "decimal":
            return _number(given)
        case "list":
            return _list(given)
        case "dropdown":
            values, _ = choices.of(entry)
            text = _text(given)
            return next((value for value in values or () if value == text), None)
        case _:
            return _text(given)


def _text(given: Any) -> str | None:
    if given is None:
        return ""
    if isinstance(given, bool):
        return "true" if given else "false"
    if not isinstance(given, str | int | float):
        return None
    text = str(given)
    return text if len(text) <= LONGEST else None


def _number(given: Any) -> float | None:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    try:
        number = float(given)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _list(given: Any) -> tuple[str, ...] | None:
    parts = given if isinstance(given, list) else str(given).replace("||", ",").split(",")
    if not all(isinstance(part, str) for part in parts) or sum(len(part) for part in parts) > LONGEST:
        return None
    return tuple(part.strip() for part in parts if part.strip())

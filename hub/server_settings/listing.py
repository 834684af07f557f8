"""The settings as SwarmUI's clients read them: nested groups of fields (swarm-api §2.5, §6). Pure."""

import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Meta

from hub.settings import Settings, fields_of

MASK = "\t<secret>"
"""What a secret that is set is shown as; sending it back means unchanged (swarm-api §6)."""

ENGINE_LINES = "engines.types"
"""The setting whose lines name engines with their settings, keys among them."""

_GIVEN = re.compile(r"(\s[A-Za-z_]+=)\S+")
_KINDS = ((bool, "boolean"), (int, "integer"), (float, "decimal"))


def shown(settings: Settings, values: Mapping[str, Any], fixed: Mapping[str, str]) -> dict[str, Any]:
    """Every setting by section and name. `values` are those that hold after a restart, by dotted key;
    `fixed` says of some where their value comes from, so that the file cannot change it.

    Beside SwarmUI's keys a field has `default_value`, `needs_restart` (false where a change holds at once)
    and `fixed_by` ("" for none).
    """
    root: dict[str, Any] = {}
    for section in Settings.__struct_fields__:
        part = getattr(settings, section)
        inside = {
            name: _field(f"{section}.{name}", kind, _default(part, name), values, fixed)
            for name, kind in fields_of(section).items()
            if f"{section}.{name}" != "folders.data"
        }
        text = (type(part).__doc__ or "").strip().split("\n")[0]
        root[section] = _entry("group", section, inside, text, None)
    return root


def _field(
    key: str, kind: Any, default: Any, values: Mapping[str, Any], fixed: Mapping[str, str]
) -> dict[str, Any]:
    plain_kind, choices = _kind(kind)
    name = key.partition(".")[2]
    secret = is_secret(key)
    value = (MASK if values[key] else "") if secret else plain(values[key])
    if key == ENGINE_LINES:
        value = [_GIVEN.sub(rf"\1{MASK.strip()}", str(line)) for line in values[key]]
    return _entry(plain_kind, name, value, _text(kind), choices) | {
        "is_secret": secret,
        "default_value": plain(default),
        "needs_restart": not acts_at_once(key),
        "fixed_by": fixed.get(key, ""),
    }


def acts_at_once(key: str) -> bool:
    """Whether a change of a setting, by dotted key, holds without a restart."""
    return _is_marked(key, "at_once")


def is_secret(key: str) -> bool:
    """Whether the value of a setting, by dotted key, is never shown."""
    return _is_marked(key, "secret")


def holds_secret(key: str, value: Any) -> bool:
    """Whether a value of a setting, by dotted key, is or may have in it what is never shown."""
    return is_secret(key) or (key == ENGINE_LINES and "=" in str(value))


def is_unchanged(key: str, value: Any) -> bool:
    """Whether a value for a setting, by dotted key, is what was shown in place of a secret."""
    if key == ENGINE_LINES:
        return MASK.strip() in str(value)
    return is_secret(key) and isinstance(value, str) and value.strip() == MASK.strip()


def _is_marked(key: str, mark: str) -> bool:
    section, _, name = key.partition(".")
    notes = getattr(fields_of(section)[name], "__metadata__", ())
    return any(isinstance(note, Meta) and bool((note.extra or {}).get(mark)) for note in notes)


def _entry(kind: str, name: str, value: Any, text: str, choices: list[str] | None) -> dict[str, Any]:
    return {
        "type": kind,
        "name": name,
        "value": value,
        "description": text,
        "values": choices,
        "value_names": choices,
        "is_secret": False,
    }


def plain(value: Any) -> Any:
    """A value as JSON and TOML know it: paths as text, lists as lists."""
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _kind(kind: Any) -> tuple[str, list[str] | None]:
    """SwarmUI's word for the type, and the choices of a dropdown."""
    bare = kind
    while typing.get_origin(bare) is typing.Annotated:
        bare = typing.get_args(bare)[0]
    if typing.get_origin(bare) is typing.Literal:
        return "dropdown", [str(each) for each in typing.get_args(bare)]
    if typing.get_origin(bare) in (typing.Union, types.UnionType):
        return _kind(typing.get_args(bare)[0])
    if typing.get_origin(bare) is tuple:
        return "list", None
    return next((word for one, word in _KINDS if bare is one), "text"), None


def _text(kind: Any) -> str:
    notes = [note for note in getattr(kind, "__metadata__", ()) if isinstance(note, Meta)]
    return next((note.description for note in notes if note.description), "")


def _default(part: Any, name: str) -> Any:
    found = next(each for each in msgspec.structs.fields(type(part)) if each.name == name)
    return found.default if found.default is not msgspec.NODEFAULT else None

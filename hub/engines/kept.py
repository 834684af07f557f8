"""One engine as it is kept: what of its settings goes into the row in the open, and what closed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from backends.contract import EngineConfig, EngineType
from backends.engine_settings import named, secrets_of
from hub.accounts import Box, LostKey
from hub.store import EngineRow

Values = Mapping[str, str | int | float | bool]


def row_of(config: EngineConfig, kind: EngineType | None, box: Box) -> EngineRow:
    """The row of an engine; `kind` None for one of a type that is not there, whose settings are all kept
    closed."""
    hidden = config.settings.keys() if kind is None else secrets_of(kind)
    secret = {name: value for name, value in config.settings.items() if name in hidden}
    plain = {name: value for name, value in config.settings.items() if name not in hidden}
    closed = box.close(msgspec.json.encode(secret).decode()) if secret else ""
    return EngineRow(
        config.id,
        config.type,
        config.title,
        config.enabled,
        msgspec.json.encode(plain).decode(),
        closed,
    )


def config_of(row: EngineRow, box: Box) -> EngineConfig:
    """The engine of a row; raises LostKey when its secrets cannot be read any more."""
    plain: dict[str, Any] = msgspec.json.decode(row.settings, type=dict[str, Any])
    secret: dict[str, Any] = {}
    if row.secrets:
        secret = msgspec.json.decode(box.open(row.secrets), type=dict[str, Any])
    return EngineConfig(row.id, row.type, row.title, row.enabled, plain | secret)


def config_without_secrets(row: EngineRow) -> EngineConfig:
    """The engine of a row whose secrets are lost."""
    return EngineConfig(
        row.id, row.type, row.title, row.enabled, msgspec.json.decode(row.settings, type=dict[str, Any])
    )


def config_of_line(number: int, line: str, kinds: Mapping[str, EngineType]) -> EngineConfig:
    """An engine from its line in the settings: its type, and what it is set to."""
    word, *given = line.split()
    settings: dict[str, str | int | float | bool] = {}
    for pair in given:
        name, _, value = pair.partition("=")
        settings[name] = value  # the engine's own type of it decides how the text is read
    kind = kinds.get(word)
    return EngineConfig(number, word, settings=dict(named(kind, settings)) if kind else settings)


__all__ = ["LostKey", "Values", "config_of", "config_of_line", "config_without_secrets", "row_of"]

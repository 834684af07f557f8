"""The settings file: read by dotted keys, and written whole or not at all, with its comments kept."""

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from hub.server_settings.listing import plain
from hub.settings import fields_of, read_value


def read(file: Path) -> dict[str, Any]:
    """What the file sets, by dotted key. It was read at the start and found in order."""
    if not file.is_file():
        return {}
    tree = tomlkit.parse(file.read_text("utf-8")).unwrap()
    return {
        f"{section}.{name}": read_value(str(file), f"{section}.{name}", value)
        for section, part in tree.items()
        for name, value in part.items()
    }


def write(file: Path, values: Mapping[str, Any]) -> None:
    """The file with these values, whole or not at all. A new key comes with its text as a comment."""
    document = tomlkit.parse(file.read_text("utf-8")) if file.is_file() else tomlkit.document()
    for key, value in values.items():
        section, _, name = key.partition(".")
        if section not in document:
            document[section] = tomlkit.table()
        table: Any = document[section]
        if name not in table:
            for note in getattr(fields_of(section)[name], "__metadata__", ()):
                if text := getattr(note, "description", None):
                    table.add(tomlkit.comment(text))
        table[name] = plain(value)
    # made readable by nobody else: there may be secrets in it
    handle, made = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(tomlkit.dumps(document))
            stream.flush()
            os.fsync(stream.fileno())
        Path(made).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(made).unlink()
        raise

"""The settings file changed while the hub runs: what is asked is checked whole, then written at once.

The hub reads its settings once, at its start; so a change holds after the next.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from msgspec import Struct

from hub.errors import BadInput
from hub.server_settings.listing import plain, shown
from hub.settings import FILE, BadSettings, Settings, fields_of, read_value


class Changed(Struct, frozen=True):
    """The keys whose new values hold after a restart, and of those that will not hold the reason: something
    stronger than the file sets them.
    """

    needs_restart: list[str]
    overruled: dict[str, str]


class ServerSettings:
    """The running `settings`, and the file in their data folder."""

    def __init__(self, settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
        self._settings = settings
        self._file = settings.folders.data / FILE
        self._lock = asyncio.Lock()
        self._running = dict(_values(settings))
        self._chosen = _read(self._file)  # what the file says now
        self._fixed = dict(self._overruling(environment))

    def listing(self) -> dict[str, Any]:
        """Every setting with its text and the value that holds after a restart."""
        values = {
            key: value if key in self._fixed or key not in self._chosen else self._chosen[key]
            for key, value in self._running.items()
        }
        return shown(self._settings, values, self._fixed)

    def checked(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The values by their dotted keys as declared. Raises BadInput naming the first that cannot be."""
        known = {key.lower(): key for key in self._running}
        found = {}
        for word, value in wanted.items():
            key = known.get(word.lower())
            if key is None:
                raise BadInput(f"There is no setting '{word[:100]}'.", field=word[:100])
            try:
                found[key] = read_value("the request", key, value)
            except BadSettings as wrong:
                raise BadInput(str(wrong), field=key) from wrong
        return found

    async def change(self, wanted: Mapping[str, Any]) -> Changed:
        """Write new values into the file, comments and order kept. Raises BadInput, and then nothing is
        changed."""
        values = self.checked(wanted)
        async with self._lock:
            await asyncio.to_thread(_write, self._file, values)
            self._chosen |= values
        return Changed(
            sorted(key for key in values if key not in self._fixed),
            {key: self._fixed[key] for key in values if key in self._fixed},
        )

    def _overruling(self, environment: Mapping[str, str]) -> Iterable[tuple[str, str]]:
        """Keys that something stronger than the file has set, and what."""
        defaults = dict(_values(Settings()))
        for key, value in self._running.items():
            word = f"HUB_{key.replace('.', '_').upper()}"
            said = self._chosen.get(key, defaults[key])
            if word in environment:
                yield key, f"environment variable {word}"
            elif plain(value) != plain(said) and not key.startswith("folders."):
                yield key, "command line"


def _values(settings: Settings) -> Iterable[tuple[str, Any]]:
    for section in Settings.__struct_fields__:
        for name in fields_of(section):
            if (section, name) != ("folders", "data"):
                yield f"{section}.{name}", getattr(getattr(settings, section), name)


def _read(file: Path) -> dict[str, Any]:
    """What the file sets, by dotted key. It was read at the start and found in order."""
    if not file.is_file():
        return {}
    tree = tomlkit.parse(file.read_text("utf-8")).unwrap()
    return {
        f"{section}.{name}": read_value(str(file), f"{section}.{name}", value)
        for section, part in tree.items()
        for name, value in part.items()
    }


def _write(file: Path, values: Mapping[str, Any]) -> None:
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

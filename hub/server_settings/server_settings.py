"""The server's settings changed while the hub runs: what is asked is checked whole, then written at once.

Settings marked `AT_ONCE` hold from then on: they are changed in the very sections that the rooms were given,
which are frozen for everybody else. The others are read once, at the start, and hold after the next.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hub.errors import BadInput
from hub.server_settings.file import read, write
from hub.server_settings.listing import acts_at_once, is_secret, is_unchanged, plain, shown
from hub.settings import FILE, BadSettings, Settings, fields_of, read_value

_log = logging.getLogger("hub.settings")


class Changed(Struct, frozen=True):
    """The keys whose new values hold already, those that hold after a restart, and of those that will not
    hold the reason: something stronger than the file sets them.
    """

    at_once: list[str]
    needs_restart: list[str]
    overruled: dict[str, str]


class ServerSettings:
    """The running `settings`, and the file in their data folder."""

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str] = os.environ,
        seal: Callable[[str], str] = lambda secret: secret,
    ) -> None:
        self._settings = settings
        self._seal = seal  # what the file holds of a secret
        self._file = settings.folders.data / FILE
        self._lock = asyncio.Lock()
        self._running = dict(_values(settings))
        self._chosen = read(self._file)  # what the file says now
        self._fixed = dict(self._overruling(environment))
        self._told: list[Callable[[frozenset[str]], None]] = []

    def on_change(self, tell: Callable[[frozenset[str]], None]) -> None:
        """Have `tell` called with the keys of settings whose values have just changed. It must not wait."""
        self._told.append(tell)

    def listing(self) -> dict[str, Any]:
        """Every setting with its text and the value that holds after a restart."""
        values = {
            key: value if key in self._fixed or key not in self._chosen else self._chosen[key]
            for key, value in self._running.items()
        }
        return shown(self._settings, values, self._fixed)

    def checked(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The values by their dotted keys as declared; a secret that comes back as it was shown is left out.
        Raises BadInput naming the first that cannot be."""
        known = {key.lower(): key for key in self._running}
        found = {}
        for word, value in wanted.items():
            key = known.get(word.lower())
            if key is None:
                raise BadInput(f"There is no setting '{word[:100]}'.", field=word[:100])
            secret = is_secret(key)
            if is_unchanged(key, value):
                continue
            try:
                found[key] = read_value("the request", key, value)
            except BadSettings as wrong:
                said = f"The value sent for the setting {key} cannot be used." if secret else str(wrong)
                raise BadInput(said, field=key) from wrong
            if secret:
                found[key] = self._seal(found[key])
        return found

    async def change(self, wanted: Mapping[str, Any], by: str = "") -> Changed:
        """Write new values into the file, comments and order kept, and let those hold that can at once.
        `by` is who does it. Raises BadInput, and then nothing is changed."""
        values = self.checked(wanted)
        async with self._lock:
            await asyncio.to_thread(write, self._file, values)
            self._chosen |= values
            free = {key: value for key, value in values.items() if key not in self._fixed}
            acting = {key: value for key, value in free.items() if acts_at_once(key)}
            self._take_up(acting)
        if values:
            _log.warning("user %s changed the settings %s", by or "unknown", ", ".join(sorted(values)))
        return Changed(
            sorted(acting),
            sorted(free.keys() - acting.keys()),
            {key: self._fixed[key] for key in values if key in self._fixed},
        )

    def _take_up(self, values: Mapping[str, Any]) -> None:
        changed = {key: value for key, value in values.items() if value != self._running[key]}
        for key, value in changed.items():
            section, _, name = key.partition(".")
            msgspec.structs.force_setattr(getattr(self._settings, section), name, value)
            self._running[key] = value
        if changed:
            for tell in self._told:
                tell(frozenset(changed))

    def _overruling(self, environment: Mapping[str, str]) -> Iterable[tuple[str, str]]:
        """Keys that something stronger than the file has set, and what."""
        defaults = dict(_values(Settings()))
        for key, value in self._running.items():
            word = f"HUB_{key.replace('.', '_').upper()}"
            said = self._chosen.get(key, defaults[key])
            if word in environment:
                yield key, f"environment variable {word}"
            elif not (
                plain(value) == plain(said) or key.startswith("folders.") or self._is_below(value, said)
            ):
                yield key, "command line"

    def _is_below(self, value: Any, said: Any) -> bool:
        """Whether a value is the path that was said, taken from the data folder."""
        if not isinstance(value, str) or not isinstance(said, str):
            return False
        return bool(said) and value == str(self._file.parent / Path(said).expanduser())


def _values(settings: Settings) -> Iterable[tuple[str, Any]]:
    for section in Settings.__struct_fields__:
        for name in fields_of(section):
            if (section, name) != ("folders", "data"):
                yield f"{section}.{name}", getattr(getattr(settings, section), name)

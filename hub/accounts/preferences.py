"""What each user has chosen among the user settings."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from hub.accounts.preference import SECRET, Choices, Preference, Value, read, shown
from hub.accounts.preference_list import PREFERENCES
from hub.accounts.users import Users

_BY_KEY = {entry.key: entry for entry in PREFERENCES if entry.kind != "group"}
_log = logging.getLogger(__name__)


class Preferences:
    """Read and change user settings; `choices` are the themes and languages there are."""

    def __init__(self, users: Users, choices: Choices) -> None:
        self._users = users
        self.choices = choices

    def value(self, user: str, key: str) -> Value:
        """One setting of a user by its dotted id in any letter case; the default unless chosen otherwise.

        Raises KeyError for a setting that does not exist.
        """
        return self._value(user, _BY_KEY[key.lower()])

    def listing(self, user: str, *, with_restricted: bool = False) -> dict[str, Any]:
        """The settings object for a settings page."""
        return shown(
            PREFERENCES,
            lambda entry: self._value(user, entry),
            self.choices,
            with_restricted=with_restricted,
        )

    async def change(self, user: str, wanted: Mapping[str, Any]) -> dict[str, str]:
        """Take up what can be; the rest by key with the reason why it was passed over (swarm-api §2.1: a
        bad key does not spoil the others)."""
        row = self._users.get(user)
        chosen: dict[str, Any] = dict(row.settings) if row is not None else {}
        skipped: dict[str, str] = {}
        for key, given in wanted.items():
            entry = _BY_KEY.get(key.lower())
            if entry is None:
                skipped[key] = "There is no such setting."
            elif entry.restricted:
                skipped[key] = "Only an admin may change this setting."
            elif entry.secret and given == SECRET:
                continue
            elif (value := read(entry, given, self.choices)) is None:
                skipped[key] = f"This value is not one of type {entry.kind}."
            else:
                chosen[entry.key] = value
        await self._users.set_settings(user, chosen)
        if skipped:
            _log.info("settings of user %s passed over: %s", user, json.dumps(sorted(skipped)))
        return skipped

    def _value(self, user: str, entry: Preference) -> Value:
        row = self._users.get(user)
        if row is None or entry.default is None:
            return entry.default if entry.default is not None else ""
        if entry.key == "roles":
            return row.roles
        value = row.settings.get(entry.key, entry.default)
        return tuple(value) if isinstance(value, list) else value

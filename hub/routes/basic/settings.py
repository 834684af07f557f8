"""Basic family: user settings, upstream keys, languages."""

from typing import Annotated, Any

from msgspec import Meta, Struct

import languages
import themes
from hub.accounts import Caller, Preferences, UpstreamKeys
from hub.errors import BadInput, HubError
from hub.wire import Body, Done, Nothing, api

LANGUAGES = languages.discover()
THEMES = themes.discover()


class ThemeOut(Struct, frozen=True):
    """A theme as the page loads it."""

    name: str
    is_dark: bool
    css_paths: tuple[str, ...]


class SettingsOut(Struct, frozen=True):
    """Themes by id, and the settings as nested fields."""

    themes: dict[str, ThemeOut]
    settings: dict[str, Any]


class ChangesIn(Struct, frozen=True):
    """`settings`: dotted id to new value."""

    body: Body


class ChangesOut(Struct, frozen=True, omit_defaults=True):
    """`success`; `skipped` tells which keys were passed over, and why."""

    success: bool
    skipped: dict[str, str] = {}


class KeyIn(Struct, frozen=True):
    """A key for a service the hub calls for the user."""

    keyType: Annotated[str, Meta(description="stability_api, openai_api, civitai_api or huggingface_api.")]
    key: Annotated[str, Meta(description="The key; `none` clears it.")]


class KeyTypeIn(Struct, frozen=True):
    """Which key."""

    keyType: str


class KeyStatusOut(Struct, frozen=True):
    """`not set`, or `last updated YYYY-MM-DD HH:MM` by the server's clock."""

    status: str


class LanguageIn(Struct, frozen=True):
    """Which language."""

    language: Annotated[str, Meta(description="Its code, like `en`.")]


class LanguageEntry(Struct, frozen=True):
    """A language; an empty translation means that the English text, the key, is used."""

    code: str
    name: str
    local_name: str
    keys: dict[str, str]


class LanguageOut(Struct, frozen=True):
    """The language."""

    language: LanguageEntry


@api("GetUserSettings", permission="read_user_settings")
async def get_user_settings(caller: Caller, given: Nothing, preferences: Preferences) -> SettingsOut:
    """The themes there are, and the caller's settings with their defaults and texts."""
    listed = {theme.id: ThemeOut(theme.name, theme.is_dark, theme.css_paths) for theme in THEMES.values()}
    return SettingsOut(listed, preferences.listing(caller.user))


@api("ChangeUserSettings", permission="edit_user_settings", active=True)
async def change_user_settings(caller: Caller, given: ChangesIn, preferences: Preferences) -> ChangesOut:
    """Change some of the caller's settings, given as `settings` with dotted ids; bad ones are passed over."""
    wanted = given.body.get("settings")
    if not isinstance(wanted, dict):
        raise BadInput("Missing required parameter 'settings'", field="settings", limit="an object")
    return ChangesOut(True, await preferences.change(caller.user, wanted))


@api("SetAPIKey", permission="edit_user_settings", active=True)
async def set_api_key(caller: Caller, given: KeyIn, keys: UpstreamKeys) -> Done:
    """Keep a key for another service; it is encrypted and never shown again."""
    await keys.put(caller.user, given.keyType, given.key)
    return Done()


@api("GetAPIKeyStatus", permission="read_user_settings")
async def get_api_key_status(caller: Caller, given: KeyTypeIn, keys: UpstreamKeys) -> KeyStatusOut:
    """Whether a key is set, and since when."""
    return KeyStatusOut(keys.status(caller.user, given.keyType))


@api("GetLanguage", permission="fundamental_generate_tab_access")
async def get_language(caller: Caller, given: LanguageIn) -> LanguageOut:
    """The texts of a language."""
    found = LANGUAGES.get(given.language)
    if found is None:
        raise HubError("No such language.", field="language", limit=sorted(LANGUAGES))
    return LanguageOut(LanguageEntry(found.code, found.name, found.local_name, dict(found.keys)))

"""From a loose dictionary to typed values by parameter id: keys, ignore values, permissions, presets."""

import logging
from collections.abc import Mapping
from typing import Any

from hub.accounts.caller import Caller
from hub.catalog import UPSCALERS, Entry, closest, plain
from hub.errors import BadInput, HubError
from hub.params.context import Context
from hub.params.keys import letters
from hub.params.pictures import OWN_FOLDERS, picture
from hub.params.spec import Param
from hub.params.values import (
    boolean,
    decimal,
    integer,
    items_of,
    refused,
    shown_value,
    sized_text,
    text_of,
)

NOT_PARAMETERS = frozenset({"session_id", "presets", "extra_metadata"})
"""Keys of a request that are no parameters."""

Value = str | int | float | bool | bytes | Entry | tuple[Entry, ...] | tuple[float, ...]
"""A checked value: pictures as file bytes, models as catalog entries, lists as tuples."""

_LEGACY_FORMATS = {"JPEG": ("JPG", None), "JPG90": ("JPG", 90), "JPG75": ("JPG", 75)}

_log = logging.getLogger("hub.params")


class Collected:
    """The values of one request as they come together.

    `values` by id; `sources` the paths of pictures that came from the caller's own outputs; `quality` what an
    older format name says about it.
    """

    def __init__(self, caller: Caller, context: Context) -> None:
        self.values: dict[str, Value] = {}
        self.sources: dict[str, str] = {}
        self.quality: int | None = None
        self._loose: dict[str, tuple[str, Any]] = {}
        self._caller = caller
        self._context = context
        self._text_limit = context.limits.prompt_kib * 1024

    def take(self, raw: Mapping[str, Any]) -> None:
        """Every parameter of a request. Raises BadInput or HubError for the first that cannot be used."""
        for key, value in raw.items():
            if key not in NOT_PARAMETERS:
                self._put(key, value)

    def take_preset(self, title: str, preset: Mapping[str, str]) -> None:
        """A preset's parameters over what is there; `{value}` in its texts stands for what was there."""
        for key, value in preset.items():
            param = self._context.registry.find(key)
            if param is not None and param.splice and "{value}" in value:
                before = self.values.get(param.id, "")
                value = value.replace("{value}", before if isinstance(before, str) else "")
            try:
                self._put(key, value)
            except HubError as trouble:
                raise HubError(
                    f"Preset '{title[:100]}': {trouble.text}", **(trouble.extra | {"preset": title[:100]})
                ) from trouble

    def _put(self, key: str, value: Any) -> None:
        param = self._context.registry.find(key)
        if param is None:
            self._loose[letters(key)] = (key, value)
            return
        if param.ignore is not None and text_of(param, value) == param.ignore:
            self.values.pop(param.id, None)
            return
        if param.permission is not None and not self._caller.may(param.permission):
            raise HubError(
                f"You do not have permission to use parameter {param.name}.",
                field=param.id,
                permission=param.permission,
            )
        found = self._convert(param, value)
        if found is None:
            self.values.pop(param.id, None)
        else:
            self.values[param.id] = found

    def loose(self, key: str) -> Any:
        """Take the value of a key that is no parameter, by its letters; None when there is none."""
        return self._loose.pop(key, ("", None))[1]

    def leave_the_rest(self) -> None:
        """Note every key that nobody knew what to do with."""
        for key, _ in self._loose.values():
            _log.warning("request parameter %r is not known and was left out", key[:100])
        self._loose.clear()

    @property
    def caller(self) -> Caller:
        """Who asks."""
        return self._caller

    def convert(self, param: Param, value: Any) -> Value | None:
        """The typed value; None for a choice left empty, which counts as not given. Raises BadInput."""
        return self._convert(param, value)

    def _convert(self, param: Param, value: Any) -> Value | None:
        """The typed value; None for a choice left empty, which counts as not given."""
        match param.type:
            case "integer":
                return integer(param, value)
            case "decimal":
                return decimal(param, value)
            case "boolean":
                return boolean(param, value)
            case "text":
                return sized_text(param, value, param.longest or self._text_limit)
            case "dropdown":
                return self._choice(param, text_of(param, value))
            case "model":
                return self._model(param, text_of(param, value))
            case "image":
                return self._picture(param, text_of(param, value))
            case "list":
                return self._list(param, value)
            case "image_list" | "audio" | "audio_list" | "video_list":
                # No engine takes these: only that one was given matters, for the refusal.
                return text_of(param, value).strip()[:1] or None

    def _list(self, param: Param, value: Any) -> tuple[Entry, ...] | tuple[float, ...] | None:
        items = items_of(param, value, self._context.limits.loras)
        if param.subtype is None:
            return tuple(decimal(param, item) for item in items) or None
        models = [self._model(param, item) for item in items]
        return tuple(model for model in models if model is not None) or None

    def _choice(self, param: Param, text: str) -> str | None:
        if not text.strip():
            return None
        if param.id == "imageformat" and text.strip().upper() in _LEGACY_FORMATS:
            name, self.quality = _LEGACY_FORMATS[text.strip().upper()]
            return name
        choices = self._context.registry.choices(param, self._upscalers(param))
        if choices is None:
            return text
        best = closest(plain(text[: self._text_limit]), choices.plain)
        if best is None:
            listed = list(choices.names)
            options = "`, `".join(listed)
            near = self._context.registry.nearest(text)
            hint = f"; the nearest here is '{near}'" if near in choices.names else ""
            raise refused(
                param,
                f"Invalid value for param {param.name} - '{shown_value(text)}' - "
                f"must be one of: `{options}`{hint}",
                limit=listed,
            )
        return best

    def _upscalers(self, param: Param) -> list[str]:
        if param.source != "upscale_methods":
            return []
        seen = self._context.catalog.seen_by(self._caller, UPSCALERS)
        return [entry.name for entry in seen if entry.supported]

    def _model(self, param: Param, text: str) -> Entry | None:
        if text.strip().lower() in ("", "(none)", (param.default or "").lower()):
            return None
        try:
            entry = self._context.catalog.find(param.subtype or "", text[:4096], self._caller)
        except BadInput:
            raise
        except HubError:
            away = self._context.catalog.missing_with(param.subtype or "", text[:4096], self._caller)
            why = away or "are you sure that model name is correct?"
            raise refused(
                param, f"Invalid model value for param {param.name} - '{shown_value(text)}' - {why}"
            ) from None
        if not entry.supported:
            raise refused(param, f"the model '{entry.name}' cannot be used: {entry.reason}")
        return entry

    def _picture(self, param: Param, text: str) -> bytes | None:
        if not text or text.isspace():
            self.sources.pop(param.id, None)
            return None
        if text.startswith(OWN_FOLDERS):
            self.sources[param.id] = text
        limits = self._context.limits
        return picture(param, text, megapixels=limits.image_megapixels, read=self._context.read_output)

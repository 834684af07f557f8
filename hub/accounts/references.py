"""What users keep that names a model: stars, preset links, presets. It follows when a model is renamed, and
forgets one that is gone."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from hub.accounts.keepsakes import LINKS, STARS
from hub.store import Store

_ENDING = ".safetensors"


class References:
    """The names of models in everybody's belongings."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def moved(
        self,
        subtype: str,
        old: str,
        new: str | None,
        params: Mapping[str, bool],
        retell: Callable[[str], str] = str,
    ) -> None:
        """Take up the new name of a model, None for one that is gone.

        `params` are the parameters that name a model of this subtype, True for those that hold a list with
        commas; `retell` changes the name in the tags of a prompt. Presets of a model that is gone keep its
        name: whoever uses one is told what is missing.
        """
        writes: list[asyncio.Future[int]] = []
        for user, text in self._store.user_data.of_kind(STARS).items():
            kept = msgspec.json.decode(text, type=dict[str, Any])
            if _change_names(kept.get(subtype), old, new):
                writes.append(self._store.user_data.put(user, STARS, msgspec.json.encode(kept).decode()))
        for user, text in self._store.user_data.of_kind(LINKS).items():
            kept = msgspec.json.decode(text, type=dict[str, Any])
            if _change_keys(kept.get(subtype), old, new):
                writes.append(self._store.user_data.put(user, LINKS, msgspec.json.encode(kept).decode()))
        if new is not None:
            for user in ("", *await self._store.users.names()):  # the server's own presets too
                writes += self._presets(user, old, new, params, retell)
        await asyncio.gather(*writes)

    def _presets(
        self, user: str, old: str, new: str, params: Mapping[str, bool], retell: Callable[[str], str]
    ) -> list[asyncio.Future[int]]:
        writes = []
        for row in self._store.presets.all(user):
            changed = {
                key: retell(value) if key.endswith("prompt") else _value(key, value, old, new, params)
                for key, value in row.param_map.items()
            }
            if changed != row.param_map:
                preview = self._store.presets.preview(user, row.title)
                new_row = msgspec.structs.replace(row, param_map=changed)
                writes.append(self._store.presets.put(user, new_row, preview=preview))
        return writes


def _forms(old: str, new: str) -> dict[str, str]:
    """The old name with and without its ending, each with what takes its place."""
    return {old.removesuffix(_ENDING): new.removesuffix(_ENDING), old: new}


def _change_names(names: object, old: str, new: str | None) -> bool:
    if not isinstance(names, list):
        return False
    forms = _forms(old, new or "")
    before = list(names)
    names[:] = [forms.get(name, name) for name in names if new is not None or name not in forms]
    return names != before


def _change_keys(links: object, old: str, new: str | None) -> bool:
    if not isinstance(links, dict):
        return False
    found: Collection[tuple[str, str]] = [pair for pair in _forms(old, new or "").items() if pair[0] in links]
    for was, now in found:
        titles = links.pop(was)
        if new is not None:
            links[now] = titles
    return bool(found)


def _value(key: str, value: str, old: str, new: str, params: Mapping[str, bool]) -> str:
    if key not in params:
        return value
    forms = _forms(old, new)
    if not params[key]:
        return forms.get(value, value)
    return ",".join(forms.get(part.strip(), part) for part in value.split(","))

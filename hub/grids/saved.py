"""Stored set-ups of grids: each user's own, and public ones that everybody may read."""

from typing import Any

import msgspec
from msgspec import Struct

from hub.accounts import Caller
from hub.errors import BadInput, HubError
from hub.store import Store

KIND = "gridgenerator"
LARGEST_KIB = 4096
MOST_NAME = 200
_EVERYBODY = ""


class _Public(Struct, frozen=True):
    """A public set-up and who stored it."""

    by: str
    data: msgspec.Raw


class SavedGrids:
    """Set-ups by name. A public one may be replaced or deleted by who stored it, or who manages users."""

    def __init__(self, store: Store) -> None:
        self._texts = store.user_data

    async def put(self, caller: Caller, name: str, data: dict[str, Any], *, public: bool) -> None:
        """Store a set-up in place of one of the same name. Raises BadInput, HubError."""
        if not name.strip() or len(name) > MOST_NAME or name.startswith("history/"):
            raise BadInput(
                f"Invalid name of a grid: 1 to {MOST_NAME} characters, not beginning with `history/`.",
                field="gridName",
                limit=MOST_NAME,
            )
        text = msgspec.json.encode(data)
        if len(text) > LARGEST_KIB * 1024:
            raise BadInput(
                f"The grid is larger than {LARGEST_KIB} KiB. Leave pictures out of it.",
                field="data",
                limit=f"{LARGEST_KIB} KiB",
            )
        if public:
            self._demand(caller, name)
            text = msgspec.json.encode(_Public(caller.user, msgspec.Raw(text)))
        await self._texts.put(_EVERYBODY if public else caller.user, KIND, text.decode(), name)

    def get(self, caller: Caller, name: str) -> msgspec.Raw | None:
        """A set-up as JSON: the caller's own of that name, else the public one."""
        own = self._texts.get(caller.user, KIND, name)
        if own is not None:
            return msgspec.Raw(own.encode())
        public = self._public(name)
        return None if public is None else public.data

    def names(self, caller: Caller) -> list[str]:
        """The names of what `get` finds."""
        own = self._texts.all(caller.user, KIND)
        return sorted({*own, *self._texts.all(_EVERYBODY, KIND)})

    async def delete(self, caller: Caller, name: str) -> bool:
        """Remove the caller's own set-up of that name, else the public one; whether there was one.

        Raises HubError.
        """
        if self._texts.get(caller.user, KIND, name) is not None:
            return await self._texts.delete(caller.user, KIND, name) > 0
        self._demand(caller, name)
        return await self._texts.delete(_EVERYBODY, KIND, name) > 0

    async def disown(self, user: str) -> None:
        """What a user has made public stays when the account goes, without the name; from then on only who
        manages users may change it."""
        for name in self._texts.all(_EVERYBODY, KIND):
            found = self._public(name)
            if found is not None and found.by == user:
                text = msgspec.json.encode(_Public("", found.data)).decode()
                await self._texts.put(_EVERYBODY, KIND, text, name)

    def _public(self, name: str) -> _Public | None:
        text = self._texts.get(_EVERYBODY, KIND, name)
        return None if text is None else msgspec.json.decode(text, type=_Public)

    def _demand(self, caller: Caller, name: str) -> None:
        found = self._public(name)
        if found is not None and found.by != caller.user and not caller.may("manage_users"):
            raise HubError(
                f"The public grid '{name[:80]}' was stored by another user; only they may change it.",
                field="gridName",
                permission="manage_users",
            )

"""Maps a user keeps with the hub: starred models, preset links, parameter edits. Each is replaced as a
whole."""

from typing import Any

import msgspec

from hub.errors import BadInput
from hub.store import Store

LARGEST_KIB = 4096


class Keepsakes:
    """JSON objects by user and kind."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, user: str, kind: str) -> dict[str, Any]:
        """The object, empty before the first `put`."""
        text = self._store.user_data.get(user, kind)
        return msgspec.json.decode(text, type=dict[str, Any]) if text else {}

    def raw(self, user: str, kind: str) -> msgspec.Raw:
        """The object as JSON text, to be sent on as it is."""
        return msgspec.Raw((self._store.user_data.get(user, kind) or "{}").encode())

    async def put(self, user: str, kind: str, value: dict[str, Any], *, field: str) -> None:
        """Replace the object. Raises BadInput naming `field` when it is too large."""
        text = msgspec.json.encode(value)
        if len(text) > LARGEST_KIB * 1024:
            raise BadInput(
                f"'{field}' is larger than {LARGEST_KIB} KiB.", field=field, limit=f"{LARGEST_KIB} KiB"
            )
        await self._store.user_data.put(user, kind, text.decode())

    async def put_names(self, user: str, kind: str, value: dict[str, Any]) -> None:
        """Replace a map of subtype to model names. Raises BadInput for anything else."""
        for subtype, names in value.items():
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise BadInput(
                    f"Starred models of '{subtype[:80]}' must be a list of model names.",
                    field=subtype[:80],
                    limit="a list of texts",
                )
        await self.put(user, kind, value, field="starred models")

    async def put_links(self, user: str, kind: str, value: dict[str, Any]) -> None:
        """Replace a map of subtype to model to preset titles. Raises BadInput for anything else."""
        for subtype, models in value.items():
            if not isinstance(models, dict) or not all(
                isinstance(titles, list) and all(isinstance(title, str) for title in titles)
                for titles in models.values()
            ):
                raise BadInput(
                    f"Preset links of '{subtype[:80]}' must map model names to lists of titles.",
                    field=subtype[:80],
                    limit="an object of lists of texts",
                )
        await self.put(user, kind, value, field="preset links")


STARS = "starred_models"
LINKS = "model_preset_links"
PARAM_EDITS = "param_edits"

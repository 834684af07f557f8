"""Keys for services the hub calls for a user (Hugging Face …): encrypted at rest, never shown again."""

import time
from pathlib import Path

from hub.accounts.box import Box, LostKey
from hub.errors import BadInput, HubError
from hub.store import Store

KINDS = ("stability_api", "openai_api", "civitai_api", "huggingface_api")
LONGEST = 1000
_STORED = "upstream_key"


class UpstreamKeys:
    """Set, look at the state of, and use the keys of a user."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._box = Box(folder / "upstream.key")

    async def put(self, user: str, kind: str, key: str) -> None:
        """Keep a key; "none" or an empty one clears it. Raises BadInput for an unknown kind or a key too
        long."""
        if kind not in KINDS:
            raise BadInput(
                f"Invalid key type '{kind[:80]}', must be one of: {', '.join(KINDS)}.",
                field="keyType",
                limit=KINDS,
            )
        key = key.strip()
        if not key or key.lower() == "none":
            await self._store.user_data.delete(user, _STORED, kind)
            return
        if len(key) > LONGEST:
            raise BadInput(f"The key is longer than {LONGEST} characters.", field="key", limit=LONGEST)
        await self._store.user_data.put(user, _STORED, self._box.close(key), kind)

    def status(self, user: str, kind: str) -> str:
        """ "not set", or when it was last set, by the server's clock; any kind may be asked for."""
        found = self._store.user_data.entry(user, _STORED, kind)
        if found is None:
            return "not set"
        return time.strftime("last updated %Y-%m-%d %H:%M", time.localtime(found[1] / 1000))

    def use(self, user: str, kind: str) -> str | None:
        """The key itself, for a call to its service; None when there is none.

        Raises HubError when it cannot be decrypted (the key file was lost).
        """
        text = self._store.user_data.get(user, _STORED, kind)
        if text is None:
            return None
        try:
            return self._box.open(text)
        except LostKey as error:
            raise HubError(
                f"The stored key '{kind}' cannot be read any more: the key file was replaced. Set it again."
            ) from error

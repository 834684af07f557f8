"""What a tag is, and what it may read and leave behind while a prompt is filled in."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from hub.accounts.caller import Caller
from hub.catalog import NOT_FOUND, Catalog, Entry
from hub.errors import BadInput, HubError


class Prompted(Struct, frozen=True):
    """A LoRA that a prompt names; None leaves a weight to the LoRA itself."""

    model: Entry
    weight: float | None = None
    text_weight: float | None = None


class Filling:
    """One request's prompts while their tags are read.

    `prompted` are the LoRAs named so far, `embeddings` the textual inversions by name; `most` of either are
    accepted. `field` is the id and `name` the name of the parameter whose text is being read.
    """

    def __init__(self, catalog: Catalog, caller: Caller, most: int) -> None:
        self.prompted: list[Prompted] = []
        self.embeddings: dict[str, Entry] = {}
        self.field = "prompt"
        self.name = "Prompt"
        self._catalog = catalog
        self._caller = caller
        self._most = most

    def find(self, tag: str, subtype: str, name: str) -> Entry:
        """The model a tag names. Raises BadInput naming the tag when there is none the caller may use."""
        try:
            entry = self._catalog.find(subtype, name.strip()[:4096], self._caller)
        except HubError as trouble:
            if trouble.text != NOT_FOUND:
                raise
            raise self.refused(
                f"Invalid model value for <{tag}:…> - '{_cut(name)}' - "
                "are you sure that model name is correct?"
            ) from None
        if not entry.supported:
            raise self.refused(f"<{tag}:…> names '{entry.name}', which cannot be used: {entry.reason}")
        return entry

    def count(self, things: Sequence[Any] | dict[str, Any], what: str) -> None:
        """Refuse more of one kind than a request may have. Raises BadInput."""
        if len(things) > self._most:
            raise self.refused(f"it names more than {self._most} {what}", limit=self._most)

    def refused(self, reason: str, *, limit: Any = None) -> BadInput:
        """The refusal of the text that is being read."""
        return BadInput(f"Invalid value for parameter {self.name}: {reason}", field=self.field, limit=limit)


class Tag(Struct, frozen=True):
    """A tag by its `names`, the first of them its usual one. `forms` are the ways to write it, `description`
    says what it does; both are for the docs.

    `fill(filling, options, body)` gives the text that takes its place: `options` is what stands in the square
    brackets behind the name (None without them), `body` what stands behind the colon, filled in already.
    """

    names: tuple[str, ...]
    forms: tuple[str, ...]
    description: str
    fill: Callable[[Filling, str | None, str], str]


def _cut(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}..."

"""A LoRA out of the difference of two models: which they are, and how the new file takes its place."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from hub.accounts.caller import Caller
from hub.catalog.catalog import Catalog
from hub.catalog.conversion import put
from hub.catalog.entry import Entry
from hub.catalog.files import ModelFiles
from hub.errors import BadInput, HubError

LORA, MAIN = "LoRA", "Stable-Diffusion"

Extract = Callable[[Path, Path, Path, Mapping[str, str]], Awaitable[str | None]]
"""Writes the third file from the first two, with these facts in its header; why it could not, as the rest of
a sentence, None when it did."""


class Wanted(Struct, frozen=True):
    """The names of the base model, of the tuned one, and of the LoRA to be."""

    base: str
    tuned: str
    name: str


class Extraction:
    """Extracts LoRAs, one at a time: each reads two models."""

    def __init__(self, catalog: Catalog, files: ModelFiles) -> None:
        self._catalog = catalog
        self._files = files
        self._lock = asyncio.Lock()

    async def run(self, wanted: Wanted, caller: Caller, extract: Extract) -> str:
        """Make the LoRA and give its whole name. Nothing is left of one that is broken off.

        Raises BadInput, HubError.
        """
        base = self._model(wanted.base, caller, "baseModel")
        tuned = self._model(wanted.tuned, caller, "otherModel")
        if base.home == tuned.home:
            raise BadInput("Both models are the same; name the tuned one.", field="otherModel")
        if base.class_id and tuned.class_id and base.class_id != tuned.class_id:
            raise BadInput(
                f"The base model is of the architecture {base.class_name or base.class_id}, the other one of "
                f"{tuned.class_name or tuned.class_id}: a LoRA can only hold the difference "
                "of two of the same.",
                field="otherModel",
            )
        place = self._files.new_place(LORA, wanted.name, caller, field="outName")
        if self._lock.locked():
            raise HubError("A LoRA is being extracted already; try again when that is done.")
        part = place.path.with_name(f".{place.path.name}.extracting")
        async with self._lock:
            try:
                await asyncio.to_thread(part.parent.mkdir, parents=True, exist_ok=True)
                why = await extract(base.home, tuned.home, part, _about(base, tuned, place.name))
                why = why or await asyncio.to_thread(put, part, place.path)
            except OSError as trouble:
                why = f"the LoRA folder cannot be written ({trouble.strerror or trouble})"
            finally:
                with suppress(OSError):
                    part.unlink()
        if why is not None:
            raise HubError(f"The LoRA could not be extracted: {why}.")
        await self._catalog.refresh()
        return place.name

    def _model(self, name: str, caller: Caller, field: str) -> Entry:
        """A model with files here. Raises HubError naming the field."""
        entry = self._catalog.exact(MAIN, name, caller, field=field)
        if entry.path is None:
            raise BadInput(
                f"The model '{entry.name}' is not on this machine: only an engine elsewhere has it. "
                "Extract the LoRA there, or bring the model here.",
                field=field,
            )
        return entry


def _about(base: Entry, tuned: Entry, name: str) -> dict[str, str]:
    """What the LoRA's file says of itself."""
    about = {
        "modelspec.title": name.rpartition("/")[2].removesuffix(".safetensors"),
        "modelspec.description": f"What makes {tuned.title} of {base.title}, as a LoRA.",
    }
    if base.class_id:
        about["modelspec.architecture"] = f"{base.class_id}/lora"
    return about

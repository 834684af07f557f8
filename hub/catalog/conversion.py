"""Old model files to .safetensors ones beside them: which there are, and how a new one takes its place."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from hub.accounts.caller import Caller
from hub.catalog.access import may_see
from hub.catalog.catalog import Catalog
from hub.catalog.entry import SHELVES
from hub.catalog.header import BadHeader, check_whole
from hub.catalog.naming import ENDING
from hub.catalog.scan import PICKLE_ENDINGS
from hub.errors import BadInput, HubError

Convert = Callable[[Path, Path], Awaitable[str | None]]
"""Writes the second file from the first; why it could not, as the rest of a sentence, None when it did."""


class Outcome(Struct, frozen=True):
    """Names of the models that were written, of those that had a .safetensors version already, and why
    others were not converted."""

    converted: list[str]
    skipped: list[str]
    failed: dict[str, str]


class Conversion:
    """Converts the old files of one kind of models. One conversion at a time: each reads and writes much."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = asyncio.Lock()

    async def run(self, subtype: str, caller: Caller, convert: Convert) -> Outcome:
        """Every old file of a kind that the caller may see, each beside its original, which stays as it is.

        Raises BadInput, HubError when a conversion is going on already.
        """
        if subtype not in SHELVES:
            raise BadInput(f"Invalid type '{subtype[:80]}'.", field="type", limit=list(SHELVES))
        if self._lock.locked():
            raise HubError("Models are being converted already; try again when that is done.", field="type")
        outcome = Outcome([], [], {})
        async with self._lock:
            for name, path in self._old(subtype, caller):
                await self._one(name, path, convert, outcome)
            if outcome.converted:
                await self._catalog.refresh()
        return outcome

    def _old(self, subtype: str, caller: Caller) -> list[tuple[str, Path]]:
        seen = self._catalog.seen_by(caller, subtype)
        return [
            (entry.name, entry.path)
            for entry in seen
            if entry.path is not None
            and entry.path.suffix.lower() in PICKLE_ENDINGS
            and not entry.builtin
            and may_see(caller.limits, f"{entry.name.rpartition('.')[0]}{ENDING}")
        ]

    async def _one(self, name: str, source: Path, convert: Convert, outcome: Outcome) -> None:
        target = source.with_suffix(ENDING)
        new = f"{name.rpartition('.')[0]}{ENDING}"
        if os.path.lexists(target):
            outcome.skipped.append(name)
            return
        part = target.with_name(f".{target.name}.converting")
        try:
            why = await convert(source, part)
            why = why or await asyncio.to_thread(put, part, target)
        except OSError as trouble:
            why = f"it could not be read or written ({trouble.strerror or trouble})"
        finally:
            with suppress(OSError):
                part.unlink()
        if why is None:
            outcome.converted.append(new)
        else:
            outcome.failed[name] = why


def put(part: Path, target: Path) -> str | None:
    """Check the new file and give it its name, unless somebody else took it meanwhile; why not, or None."""
    try:
        check_whole(part)
    except BadHeader as wrong:
        return f"what came of it is no good model file: {wrong}"
    if os.path.lexists(target):
        return f"a file {target.name} has come meanwhile"
    part.replace(target)
    return None

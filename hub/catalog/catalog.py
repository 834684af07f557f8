"""The models of this hub: one snapshot, replaced as a whole by every refresh, asked without waiting."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from backends.contract import EngineState
from hub.accounts.caller import Caller
from hub.catalog.access import may_see, sees_all
from hub.catalog.elsewhere import Offered, Telling, gathered, merged, missing_with, same, telling
from hub.catalog.entry import SHELVES, Entry
from hub.catalog.keep import recall, remember
from hub.catalog.match import closest, plain_model
from hub.catalog.scan import Root, scan
from hub.catalog.wildcards import Wildcards
from hub.errors import BadInput, HubError
from hub.settings import Settings

NOT_FOUND = "Model not found."

FILE = "models.cache"
"""In the data folder: what the last look found, so that the next start reads only what has changed."""


class Shelf(Struct, frozen=True):
    """The models of one subtype: `entries` by name in name order, `plain` names to names."""

    entries: Mapping[str, Entry]
    plain: Mapping[str, str]


class Engines(Protocol):
    """What the catalog needs of the pool. `version` grows whenever any state changes."""

    version: int

    def states(self) -> Sequence[EngineState]:
        """Every engine as it is now."""


class Catalog:
    """What models there are, on disk and at the engines elsewhere. `builtin` are the folders that come with
    the engines, each of Stable-Diffusion unless paired with a subtype.
    """

    def __init__(
        self,
        settings: Settings,
        builtin: Iterable[Path | tuple[str, Path]] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine_settings = settings.engines
        self._file = settings.folders.data / FILE
        self.wildcards = Wildcards(settings.folders.wildcards)
        self._roots = _roots(settings.folders.models, builtin)
        self._shelves: Mapping[str, Shelf] = {}
        self._engines: Engines | None = None
        self._seen = -1  # the version of the engines that was looked at last
        self._told: Telling = ()
        self._offered: Offered = {}
        self._merged: dict[str, tuple[Shelf, Shelf]] = {}  # by subtype: the shelf on disk it was made of
        self._clock = clock
        self._refreshed: float | None = None
        self._lock = asyncio.Lock()
        self.version = 0

    def use(self, engines: Engines) -> None:
        """List from now on what engines elsewhere have, too."""
        self._engines = engines

    async def refresh(self, *, not_within: float = 0.0) -> bool:
        """Look at the disk again, in a thread. False when the last look is under `not_within` seconds ago.

        Callers that come together wait for the one look that is under way.
        """
        async with self._lock:
            if self._refreshed is not None and self._clock() - self._refreshed < not_within:
                return False
            changed = await asyncio.to_thread(self._look)
            if changed is not None:
                self._shelves = changed
                self.version += 1
            await self.wildcards.refresh()
            self._refreshed = self._clock()
            return True

    def _look(self) -> Mapping[str, Shelf] | None:
        """What is on the disk now, None when nothing has changed. Blocks, even to compare."""
        known = {subtype: shelf.entries for subtype, shelf in self._shelves.items()}
        before = known or recall(self._file)
        found = scan(self._roots, before)
        if found != before:
            remember(self._file, found)
        if found == known:
            return None
        kept = self._shelves
        return {
            subtype: kept[subtype]
            if subtype in kept and kept[subtype].entries is entries
            else _shelf(entries)
            for subtype, entries in found.items()
        }

    async def forget(self) -> None:
        """Throw away everything that was noted of the files, and read them anew."""
        async with self._lock:
            found = await asyncio.to_thread(scan, self._roots, {})
            self._shelves = {subtype: _shelf(entries) for subtype, entries in found.items()}
            self.version += 1
            await asyncio.to_thread(remember, self._file, found)

    async def learn_hash(self, entry: Entry, digest: str) -> None:
        """Keep the hash of a model, for as long as its files stay as they are."""
        async with self._lock:
            shelf = self._shelves.get(entry.subtype, _EMPTY)
            now = shelf.entries.get(entry.name)
            if now is None or now.stamp != entry.stamp or now.hash == digest:
                return
            entries = {**shelf.entries, entry.name: msgspec.structs.replace(now, hash=digest)}
            self._shelves = {**self._shelves, entry.subtype: Shelf(entries=entries, plain=shelf.plain)}
            known = {subtype: shelf.entries for subtype, shelf in self._shelves.items()}
            await asyncio.to_thread(remember, self._file, known)

    def find(self, subtype: str, name: str, caller: Caller) -> Entry:
        """The model a loosely typed name means: the same one, else the shortest that contains it.

        Raises HubError "Model not found." for what is not there and for what the caller may not see.
        """
        shelf = self._shelf(subtype)
        exact = shelf.entries.get(name)
        if exact is not None and may_see(caller.limits, name):
            return exact
        options: Mapping[str, str] | Sequence[tuple[str, str]] = shelf.plain
        if not sees_all(caller.limits):
            options = [(plain, full) for plain, full in shelf.plain.items() if may_see(caller.limits, full)]
        best = closest(plain_model(name), options)
        if best is None:
            raise HubError(NOT_FOUND)
        return shelf.entries[best]

    def missing_with(self, subtype: str, name: str, caller: Caller) -> str:
        """Of a model that is not found: which engine that does not answer had it, and why it does not, as
        the rest of a sentence; "" when that is not why."""
        states = () if self._engines is None else self._engines.states()
        return missing_with(states, subtype, name, lambda full: may_see(caller.limits, full))

    def exact(self, subtype: str, name: str, caller: Caller, *, field: str = "model") -> Entry:
        """The model of exactly this name, `.safetensors` optional.

        Raises HubError "Model not found.", which tells that `field` named it.
        """
        shelf = self._shelf(subtype)
        clean = "/".join(part for part in name.replace("\\", "/").split("/") if part)
        entry = shelf.entries.get(f"{clean}.safetensors") or shelf.entries.get(clean)
        if entry is None or not may_see(caller.limits, entry.name):
            raise HubError(NOT_FOUND, field=field)
        return entry

    def default(self, caller: Caller) -> Entry:
        """The model of a request that names none: the setting's, else a built-in one, else the first usable.

        Raises HubError telling what to do when the caller may use none at all.
        """
        if default := self._engine_settings.default_model:
            try:
                return self.find("Stable-Diffusion", default, caller)
            except HubError:
                pass  # the setting names a model that is gone or hidden from this caller: take the next best
        usable = [entry for entry in self.seen_by(caller, "Stable-Diffusion") if entry.supported]
        if not self._any_here():
            usable = [entry for entry in usable if entry.engines] or usable
        if not usable:
            raise HubError(
                "No model is available. Ask an administrator to add one or to allow you one.", field="model"
            )
        return next((entry for entry in usable if entry.builtin), usable[0])

    def seen_by(self, caller: Caller, subtype: str) -> Iterable[Entry]:
        """The entries of a subtype that the caller may see, in name order."""
        entries = self._shelf(subtype).entries.values()
        if sees_all(caller.limits):
            return entries
        return [entry for entry in entries if may_see(caller.limits, entry.name)]

    def _shelf(self, subtype: str) -> Shelf:
        if subtype not in SHELVES:
            raise BadInput("Invalid sub-type.", field="subtype", limit=list(SHELVES))
        own = self._shelves.get(subtype, _EMPTY)
        self._look_round()
        held = self._offered.get(subtype)
        if not held:
            return own
        made = self._merged.get(subtype)
        if made is None or made[0] is not own:
            made = self._merged[subtype] = (own, _beside(own, merged(own.entries, held, subtype)))
        return made[1]

    def _look_round(self) -> None:
        """Take what the engines offer now; costs nothing while no engine has changed, and never a look at the
        disk.
        """
        engines = self._engines
        if engines is None or engines.version == self._seen:
            return
        self._seen = engines.version
        told = telling(engines.states())
        if not same(told, self._told):
            self._told, self._offered, self._merged = told, gathered(told), {}
            self.version += 1

    def _any_here(self) -> bool:
        """Whether an engine of this machine may draw, as far as is known."""
        if self._engines is None:
            return True
        return any(state.enabled and state.holds_any for state in self._engines.states())


_EMPTY = Shelf(entries={}, plain={})


def _shelf(entries: Mapping[str, Entry]) -> Shelf:
    plain: dict[str, str] = {}
    for name in entries:
        plain.setdefault(plain_model(name), name)
    return Shelf(entries=entries, plain=plain)


def _beside(own: Shelf, entries: Mapping[str, Entry]) -> Shelf:
    """A shelf with further entries; plain names are made of the new ones only."""
    plain = dict(own.plain)
    for name in entries.keys() - own.entries.keys():
        plain.setdefault(plain_model(name), name)
    return Shelf(entries=entries, plain=plain)


def _roots(folders: Iterable[Path], builtin: Iterable[Path | tuple[str, Path]]) -> tuple[Root, ...]:
    """Folders of people come first, so that a model of theirs may take a built-in one's name."""
    own = [Root(subtype, folder / subtype) for folder in folders for subtype in SHELVES]
    pairs = [("Stable-Diffusion", given) if isinstance(given, Path) else given for given in builtin]
    return (*own, *(Root(subtype, path, builtin=True) for subtype, path in pairs))

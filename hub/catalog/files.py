"""Changing the models on disk: facts, pictures, names. One change at a time, each seen at once."""

import asyncio
import base64
import binascii
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from hub.accounts.caller import Caller
from hub.catalog.access import may_see
from hub.catalog.beside import MAX_NOTES_BYTES, MAX_PREVIEW_BYTES, header_preview
from hub.catalog.catalog import NOT_FOUND, Catalog
from hub.catalog.classes import CLASSES, by_name
from hub.catalog.companions import MODEL_ENDINGS, delete, rename, root_of
from hub.catalog.edit import JPEG, Facts, Picture, add_notes, write_beside, write_inside
from hub.catalog.entry import SHELVES, Entry
from hub.catalog.header import BadHeader, raw_header, tensor_hash
from hub.catalog.naming import ENDING, clean_name
from hub.catalog.read import COMPONENT_WEIGHTS, WEIGHTS
from hub.errors import BadInput, HubError
from hub.settings import Settings

Result = TypeVar("Result")


class NewPlace(Struct, frozen=True):
    """Where a new model goes: its `name` with folders and ending, its `path`, and the `root` above both."""

    name: str
    path: Path
    root: Path


class ModelFiles:
    """The model files of the hub's own folders; those that come with an engine are never changed."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self._catalog = catalog
        self._folders = settings.folders.models
        self._kept = settings.models
        self._lock = asyncio.Lock()

    def new_place(self, subtype: str, name: str, caller: Caller, *, field: str) -> NewPlace:
        """The place of a new model. Raises BadInput for a name that cannot be, is taken, or that the
        caller's role does not let them see."""
        if subtype not in SHELVES:
            raise BadInput("Invalid sub-type.", field="subtype", limit=list(SHELVES))
        if not self._folders:
            raise HubError("There is no models folder. An administrator can name one: folders.models.")
        clean = clean_name(name, field=field)
        if clean.lower().endswith(MODEL_ENDINGS):
            raise BadInput(f"Only {ENDING} files are taken.", field=field, limit=ENDING)
        full = clean + ENDING
        if not may_see(caller.limits, full):
            raise BadInput(f"Your role allows no model of the name '{full}'.", field=field)
        if any((folder / subtype / full).exists() for folder in self._folders):
            raise BadInput(f"There is a model '{full}' already; choose another name.", field=field)
        root = self._folders[0] / subtype
        return NewPlace(full, root / full, root)

    async def headers(self, entry: Entry) -> Raw:
        """The header of a model file, as JSON. Raises HubError for a file that has none."""
        return await self._do(lambda: raw_header(_tensors(entry)))

    async def digest(self, entry: Entry) -> str:
        """`0x` and the SHA-256 of the model's tensor bytes, read now; its entry carries it from then on."""
        found = await self._do(lambda: tensor_hash(_tensors(entry)))
        await self._catalog.learn_hash(entry, found)
        return found

    async def edit(self, entry: Entry, facts: Facts, picture: Picture | None) -> None:
        """Note the facts, and with a `picture` change the preview. Raises HubError."""
        _demand_own(entry)
        known = by_name(facts.architecture) or CLASSES.get(facts.architecture)
        if facts.architecture and facts.architecture != entry.class_id and known is None:
            raise BadInput(
                f"There is no architecture '{facts.architecture[:80]}'.", field="type", limit=list(CLASSES)
            )
        in_file = self._kept.metadata == "file" and entry.home.suffix == ENDING and not entry.home.is_dir()
        await self._change(lambda: (write_inside if in_file else write_beside)(entry, facts, picture))

    async def rename(self, entry: Entry, new_name: str, caller: Caller) -> str:
        """Give a model another name in its folder, its ending kept; the whole new name comes back."""
        _demand_own(entry)
        ending = "" if entry.home.is_dir() else entry.home.suffix
        wanted = new_name.strip()
        wanted = wanted[: -len(ending)] if ending and wanted.lower().endswith(ending.lower()) else wanted
        full = clean_name(wanted, field="newName") + ending
        if not may_see(caller.limits, full):
            raise BadInput(f"Your role allows no model of the name '{full}'.", field="newName")
        if full == entry.name:
            raise BadInput("The model has that name already.", field="newName")
        if entry.home.is_dir() and f"{full}/".startswith(f"{entry.name}/"):
            raise BadInput("A model cannot be moved into itself.", field="newName")
        try:
            await self._change(lambda: rename(entry, root_of(entry) / full))
        except FileExistsError:
            raise BadInput(
                f"There is a model '{full}' already; choose another name.", field="newName"
            ) from None
        return full

    async def delete(self, entry: Entry) -> None:
        """Take a model away, with its notes and pictures."""
        _demand_own(entry)
        await self._change(lambda: delete(entry))

    async def add_notes(self, place: NewPlace, subtype: str, notes: dict[str, Any]) -> None:
        """Keep the notes that came with a new model beside it; a picture among them as a file."""
        texts = {key: value for key, value in notes.items() if isinstance(value, str)}
        jpeg = _jpeg(header_preview(texts))
        kept = {
            key: value
            for key, value in notes.items()
            if not (isinstance(value, str) and value.startswith("data:"))
        }
        entry = Entry(name=place.name, subtype=subtype, path=place.path, title="")
        await self._do(lambda: add_notes(entry, kept, jpeg))

    async def _change(self, work: Callable[[], Result]) -> Result:
        async with self._lock:
            try:
                return await self._do(work)
            finally:
                await self._catalog.refresh()

    async def _do(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.to_thread(work)
        except FileExistsError:
            raise
        except FileNotFoundError as gone:
            raise HubError(NOT_FOUND, reason="Its file is gone; refresh the list of models.") from gone
        except BadHeader as wrong:
            raise HubError(f"This model file cannot be used: {wrong}.", field="modelName") from wrong
        except OSError as trouble:
            raise HubError(
                f"The model's files cannot be changed: {trouble.strerror or trouble}."
            ) from trouble


def read_notes(text: str, *, field: str) -> dict[str, Any]:
    """Notes sent with a download, as an object. Raises BadInput naming `field`."""
    if len(text) > MAX_NOTES_BYTES:
        raise BadInput(
            f"'{field}' is longer than {MAX_NOTES_BYTES} bytes.", field=field, limit=MAX_NOTES_BYTES
        )
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as wrong:
        raise BadInput(f"'{field}' is no JSON object.", field=field, limit="a JSON object") from wrong


def _tensors(entry: Entry) -> Path:
    """The file that holds a model's tensors. Raises BadHeader for one that has none we read."""
    if entry.home.is_dir():
        found = next(
            (entry.home / name for name in (*WEIGHTS, *COMPONENT_WEIGHTS) if _is_tensors(entry.home / name)),
            None,
        )
        if found is None:
            raise BadHeader("the folder holds no .safetensors weights")
        return found
    if entry.home.suffix.lower() not in (ENDING, ".sft"):
        raise BadHeader(f"it is a {entry.home.suffix} file, and only {ENDING} files are opened")
    return entry.home


def _is_tensors(path: Path) -> bool:
    return path.suffix == ENDING and path.is_file()


def _demand_own(entry: Entry) -> None:
    _ = entry.home  # refuses what is only elsewhere, before anything is begun
    if entry.builtin:
        raise HubError(f"The model '{entry.name}' comes with the hub and stays as it is.")


def _jpeg(url: str) -> bytes | None:
    if not url.startswith(JPEG):
        return None
    try:
        data = base64.b64decode(url[len(JPEG) :], validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if data.startswith(b"\xff\xd8\xff") and len(data) <= MAX_PREVIEW_BYTES else None

"""Folders to entries: walks the model folders and reads only what is new or changed.

Blocking on purpose; the catalog calls it in a thread.
"""

import logging
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from hub.catalog.beside import PREVIEW_ENDINGS
from hub.catalog.entry import Entry
from hub.catalog.read import (
    COMPONENT_CONFIG,
    COMPONENT_WEIGHTS,
    WEIGHTS,
    Found,
    read_builtin,
    read_component,
    read_file,
    read_folder,
    read_listed,
)

MAX_DEPTH = 20
"""How many folders deep a model may lie; ListModels shows no deeper either."""

LOADED_ENDINGS = (".safetensors", ".sft")
PICKLE_ENDINGS = (".ckpt", ".pt", ".pth", ".bin")
OTHER_ENDINGS = (".gguf", ".engine")

_SHARED_AS_FOLDERS = frozenset({"VAE", "ControlNet"})
"""Subtypes that are handed on as a folder with one network and its settings."""

_log = logging.getLogger("hub.catalog")


class Root(Struct, frozen=True):
    """A folder whose models are of one subtype. A built-in one is a single model itself."""

    subtype: str
    path: Path
    builtin: bool = False


def scan(
    roots: tuple[Root, ...], known: Mapping[str, Mapping[str, Entry]]
) -> Mapping[str, Mapping[str, Entry]]:
    """All entries by subtype and name, in name order. An entry of `known` whose files are unchanged is taken
    over as it is, and a subtype of which nothing has changed as a whole.

    Of two models with one name the one in the earlier folder counts. Unreadable folders are skipped.
    """
    shelves: dict[str, dict[str, Entry]] = {}
    new: set[str] = set()
    for root in roots:
        shelf = shelves.setdefault(root.subtype, {})
        before = known.get(root.subtype, {})
        for found in _builtin(root) if root.builtin else _walk(root):
            if found.name in shelf:
                continue
            old = before.get(found.name)
            if old is not None and old.stamp == found.stamp:
                shelf[found.name] = old
            else:
                shelf[found.name] = _read(root, found.whole())
                new.add(root.subtype)
    return {
        subtype: before
        if subtype not in new and len(shelf) == len(before := known.get(subtype, {}))
        else dict(sorted(shelf.items()))
        for subtype, shelf in shelves.items()
    }


def _read(root: Root, found: Found) -> Entry:
    if root.builtin:
        return read_builtin(root.subtype, found)
    if (found.path / "model_index.json").is_file():
        return read_folder(root.subtype, found)
    if found.path.is_dir():
        return read_component(root.subtype, found)
    if found.path.suffix.lower() in LOADED_ENDINGS:
        return read_file(root.subtype, found)
    return read_listed(root.subtype, found, pickle=found.path.suffix.lower() in PICKLE_ENDINGS)


class _Spot(Struct, frozen=True):
    """A model on disk and the files beside it, as texts: most are unchanged, and paths are made of none of
    those. `stamp` follows the files, and the folder the name begins below."""

    name: str
    path: str
    notes: str | None
    spec: str | None
    preview: str | None
    stamp: tuple[int, ...]

    def whole(self) -> Found:
        """The same with paths."""
        notes, spec, preview = (
            None if text is None else Path(text) for text in (self.notes, self.spec, self.preview)
        )
        return Found(self.name, Path(self.path), notes, spec, preview, self.stamp)


_Children = dict[str, os.DirEntry[str]]


def _builtin(root: Root) -> Iterator[_Spot]:
    children = _children(str(root.path))
    if _is_file(children.get("model_index.json")):
        # Its folder may be called by its role ("weights"): then the folder around it names the model.
        name = root.path.parent.name if root.path.name == "weights" else root.path.name
        yield _folder(name, str(root.path), children, {}, _mark(root))
    else:
        _log.warning("the built-in model folder %s holds no model_index.json; it is left out", root.path)


def _walk(root: Root) -> Iterator[_Spot]:
    """Every model below a folder. Links are followed, each real folder once."""
    components = root.subtype in _SHARED_AS_FOLDERS
    mark = _mark(root)
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[str, str, int, _Children]] = [("", str(root.path), 0, {})]
    while waiting:
        name, folder, depth, around = waiting.pop()
        children = _children(folder)
        if depth and _is_model(children, components):
            yield _folder(name, folder, children, around, mark)
            continue
        if depth >= MAX_DEPTH or _was_seen(folder, seen):
            continue
        prefix = f"{name}/" if name else ""
        models: list[str] = []
        folders: list[str] = []
        for child_name, child in children.items():
            if child.is_dir():
                folders.append(child_name)
            elif child_name.lower().endswith(_ALL_ENDINGS):
                models.append(child_name)
        # Sorted so that of two links to one folder it is always the same that counts.
        for below in sorted(folders, reverse=True):
            waiting.append((prefix + below, f"{folder}/{below}", depth + 1, children))
        alone = len(models) == len(children)
        for model in models:
            yield _file(prefix + model, folder, model, children, mark, alone=alone)


def _was_seen(folder: str, seen: set[tuple[int, int]]) -> bool:
    try:
        status = os.stat(folder)  # noqa: PTH116
    except OSError:
        return True
    key = (status.st_dev, status.st_ino)
    if key in seen:
        return True
    seen.add(key)
    return False


def _is_model(children: _Children, components: bool) -> bool:
    """Whether a folder with these files is a model itself; with `components` also one with one network."""
    if _is_file(children.get("model_index.json")):
        return True
    return (
        components
        and _is_file(children.get(COMPONENT_CONFIG))
        and any(_is_file(children.get(name)) for name in COMPONENT_WEIGHTS)
    )


def _children(folder: str) -> _Children:
    """The folders and regular files in a folder (a pipe would be waited for): no hidden names, none that
    cannot be written as text."""
    try:
        with os.scandir(folder) as listing:
            return {
                child.name: child
                for child in listing
                if not child.name.startswith(".") and _is_regular(child) and _is_text(child.name)
            }
    except FileNotFoundError:
        return {}
    except OSError as trouble:
        _log.warning("model folder %s cannot be read: %s", folder, trouble)
        return {}


def _is_regular(child: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a regular file, as a link that leads nowhere is not."""
    try:
        return child.is_file() or child.is_dir()
    except OSError:
        return False


def _is_text(name: str) -> bool:
    """Whether a name can be sent to anybody: a file system may hold bytes that are no UTF-8."""
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        _log.warning("the model file %r is left out: its name is not UTF-8", name)
        return False
    return True


def _is_file(child: os.DirEntry[str] | None) -> bool:
    return child is not None and child.is_file()


def _file(full: str, folder: str, name: str, children: _Children, mark: int, *, alone: bool) -> _Spot:
    """A single file; `alone` when its folder holds nothing but models, so that nothing lies beside it."""
    child = children[name]
    if alone:
        return _Spot(full, f"{folder}/{name}", None, None, None, _stamp(mark, child, None, None, None))
    stem = name.rpartition(".")[0]

    def beside(*endings: str) -> os.DirEntry[str] | None:
        found = (children.get(stem + end) for end in endings)
        return next((one for one in found if one is not None and one.is_file()), None)

    notes, spec, preview = beside(".hub.json"), beside(".swarm.json"), beside(*PREVIEW_ENDINGS)
    return _Spot(
        full,
        f"{folder}/{name}",
        notes and notes.path,
        spec and spec.path,
        preview and preview.path,
        _stamp(mark, child, notes, spec, preview),
    )


def _folder(name: str, path: str, children: _Children, around: _Children, mark: int) -> _Spot:
    def inside(*names: str) -> str | None:
        return next((f"{path}/{name}" for name in names if _is_file(children.get(name))), None)

    beside = around.get(f"{path.rpartition('/')[2]}.swarm.json")
    spec = beside.path if beside is not None and beside.is_file() else None
    if spec is None and Path(path, ".swarm.json").is_file():
        spec = f"{path}/.swarm.json"
    notes = inside("hub.json")
    preview = inside("preview.png", "preview.jpg", "preview.webp")
    weights = (f"{path}/{file}" for file in (*WEIGHTS, *COMPONENT_WEIGHTS))
    index = inside("model_index.json", COMPONENT_CONFIG)
    files = (None if file is None else Path(file) for file in (index, notes, spec, preview, *weights))
    return _Spot(name, path, notes, spec, preview, _stamp(mark, *files))


def _stamp(mark: int, *files: os.DirEntry[str] | Path | None) -> tuple[int, ...]:
    """Changes when one of the files is changed, appears or goes away; `mark` tells the folder above."""
    marks: list[int] = [mark]
    for file in files:
        if file is None:
            marks += _NONE
            continue
        try:
            status = file.stat()
        except OSError:
            marks += _NONE
        else:
            marks += (status.st_mtime_ns, status.st_size)
    return tuple(marks)


def _mark(root: Root) -> int:
    """A number for a folder: with it and its name a model of one folder is never taken for another's."""
    return zlib.crc32(os.fsencode(root.path))


_NONE = (0, 0)
_ALL_ENDINGS = (*LOADED_ENDINGS, *PICKLE_ENDINGS, *OTHER_ENDINGS)

"""Folders to entries: walks the model folders and reads only what is new or changed.

Blocking on purpose; the catalog calls it in a thread.
"""

import logging
import os
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


def scan(roots: tuple[Root, ...], known: Mapping[str, Mapping[str, Entry]]) -> dict[str, dict[str, Entry]]:
    """All entries by subtype and name. An entry of `known` whose files are unchanged is taken over as it is.

    Of two models with one name the one in the earlier folder counts. Unreadable folders are skipped.
    """
    shelves: dict[str, dict[str, Entry]] = {}
    for root in roots:
        shelf = shelves.setdefault(root.subtype, {})
        before = known.get(root.subtype, {})
        for found in _builtin(root) if root.builtin else _walk(root.path, root.subtype in _SHARED_AS_FOLDERS):
            if found.name in shelf:
                continue
            old = before.get(found.name)
            if old is not None and old.path == found.path and old.stamp == found.stamp:
                shelf[found.name] = old
            else:
                shelf[found.name] = _read(root, found)
    return {subtype: dict(sorted(shelf.items())) for subtype, shelf in shelves.items()}


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


def _builtin(root: Root) -> Iterator[Found]:
    if (root.path / "model_index.json").is_file():
        # Its folder may be called by its role ("weights"): then the folder around it names the model.
        name = root.path.parent.name if root.path.name == "weights" else root.path.name
        yield _folder(name, root.path)
    else:
        _log.warning("the built-in model folder %s holds no model_index.json; it is left out", root.path)


def _walk(top: Path, components: bool) -> Iterator[Found]:
    """Every model below `top`, in name order of each folder. Links are followed, each real folder once.

    With `components` a folder with one network in it is a model too.
    """
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[str, Path, int]] = [("", top, 0)]
    while waiting:
        prefix, folder, depth = waiting.pop()
        children = _children(folder, seen)
        for name, child in sorted(children.items()):
            if child.is_dir:
                path = folder / name
                if (path / "model_index.json").is_file() or (components and _is_component(path)):
                    yield _folder(prefix + name, path)
                elif depth + 1 < MAX_DEPTH:
                    waiting.append((f"{prefix}{name}/", path, depth + 1))
            elif name.lower().endswith((*LOADED_ENDINGS, *PICKLE_ENDINGS, *OTHER_ENDINGS)):
                yield _file(prefix + name, folder, name, children)


def _is_component(path: Path) -> bool:
    return (path / COMPONENT_CONFIG).is_file() and any((path / name).is_file() for name in COMPONENT_WEIGHTS)


class _Child(Struct, frozen=True):
    """A folder or a regular file; nothing else (a pipe would be waited for) is ever looked at."""

    is_dir: bool


def _children(folder: Path, seen: set[tuple[int, int]]) -> dict[str, _Child]:
    """What lies in a folder that was not `seen` yet: no hidden names, none that cannot be written as text."""
    children: dict[str, _Child] = {}
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return {}
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as listing:
            for child in listing:
                is_dir = _is_dir(child)
                if is_dir is not None and not child.name.startswith(".") and _is_text(child.name):
                    children[child.name] = _Child(is_dir)
    except FileNotFoundError:
        pass
    except OSError as trouble:
        _log.warning("model folder %s cannot be read: %s", folder, trouble)
    return children


def _is_dir(child: os.DirEntry[str]) -> bool | None:
    """Whether it is a folder or a regular file; None for neither, as for a link that leads nowhere."""
    try:
        return True if child.is_dir() else False if child.is_file() else None
    except OSError:
        return None


def _is_text(name: str) -> bool:
    """Whether a name can be sent to anybody: a file system may hold bytes that are no UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        _log.warning("the model file %r is left out: its name is not UTF-8", name)
        return False
    return True


def _file(full: str, folder: Path, name: str, children: Mapping[str, _Child]) -> Found:
    stem = name.rpartition(".")[0]

    def beside(*endings: str) -> Path | None:
        return next((folder / (stem + end) for end in endings if _is_file(children.get(stem + end))), None)

    notes, spec, preview = beside(".hub.json"), beside(".swarm.json"), beside(*PREVIEW_ENDINGS)
    path = folder / name
    return Found(full, path, notes, spec, preview, _stamp(path, notes, spec, preview))


def _is_file(child: _Child | None) -> bool:
    return child is not None and not child.is_dir


def _folder(name: str, path: Path) -> Found:
    def inside(*names: str) -> Path | None:
        return next((path / name for name in names if (path / name).is_file()), None)

    beside = path.parent / f"{path.name}.swarm.json"
    spec = beside if beside.is_file() else inside(".swarm.json")
    notes = inside("hub.json")
    preview = inside("preview.png", "preview.jpg", "preview.webp")
    weights = (path / file for file in (*WEIGHTS, *COMPONENT_WEIGHTS))
    index = next((p for p in (path / "model_index.json", path / COMPONENT_CONFIG) if p.is_file()), None)
    stamp = _stamp(index, notes, spec, preview, *weights)
    return Found(name, path, notes, spec, preview, stamp)


def _stamp(*files: Path | None) -> tuple[int, ...]:
    """Changes when one of the files is changed, appears or goes away."""
    marks: list[int] = []
    for file in files:
        try:
            status = file.stat() if file is not None else None
        except OSError:
            status = None
        marks += (0, 0) if status is None else (status.st_mtime_ns, status.st_size)
    return tuple(marks)

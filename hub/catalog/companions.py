"""What belongs to a model on disk besides its tensors, moved and taken away together with it. Blocking."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from hub.catalog.beside import PREVIEW_ENDINGS
from hub.catalog.entry import Entry

NOTES_ENDINGS = (".hub.json", ".swarm.json")
MODEL_ENDINGS = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".engine")


def stem_of(entry: Entry) -> str:
    """The path without the model's own ending: what the names of its companions begin with."""
    return str(entry.home) if entry.home.is_dir() else str(entry.home)[: -len(entry.home.suffix)]


def companions(entry: Entry) -> list[tuple[Path, str]]:
    """The files that lie beside a model, each with its ending."""
    stem = stem_of(entry)
    endings = NOTES_ENDINGS if entry.home.is_dir() else (*NOTES_ENDINGS, *PREVIEW_ENDINGS)
    pairs = ((Path(stem + ending), ending) for ending in endings)
    return [(path, ending) for path, ending in pairs if path.is_file()]


def root_of(entry: Entry) -> Path:
    """The folder that the entry's name begins below."""
    return entry.home.parents[entry.name.count("/")]


def delete(entry: Entry) -> None:
    """Take a model and what belongs to it away, and folders that are empty then. Raises OSError."""
    beside = [] if _shares_stem(entry) else companions(entry)
    if entry.home.is_dir() and not entry.home.is_symlink():
        shutil.rmtree(entry.home)
    else:
        entry.home.unlink()
    for path, _ in beside:
        path.unlink(missing_ok=True)
    _tidy(entry.home.parent, root_of(entry))


def rename(entry: Entry, target: Path) -> None:
    """Give a model and what belongs to it another place below its folder.

    Raises FileExistsError when something of the new name is there, else OSError; then everything is as it
    was.
    """
    stem, shared = str(target), _shares_stem(entry)
    if not entry.home.is_dir():
        stem = stem[: -len(target.suffix)]
    moves = [(path, Path(stem + ending)) for path, ending in companions(entry)]
    for place in (target, *(new for _, new in moves)):
        if place.exists() and not _same(place, [entry.home, *(old for old, _ in moves)]):
            raise FileExistsError(17, "is there already", place.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    done: list[tuple[Path, Path]] = []
    try:
        for old, new in [(entry.home, target)] if shared else [(entry.home, target), *moves]:
            old.rename(new)
            done.append((old, new))
        for old, new in moves if shared else ():
            shutil.copy2(old, new)
    except OSError:
        for old, new in reversed(done):
            new.rename(old)
        _tidy(target.parent, root_of(entry))
        raise
    _tidy(entry.home.parent, root_of(entry))


def _same(place: Path, olds: Iterable[Path]) -> bool:
    """Whether a place is one of the old ones: renaming to another letter case, where case does not count."""
    return any(old.exists() and place.samefile(old) for old in olds)


def _shares_stem(entry: Entry) -> bool:
    """Whether another model of the same name with another ending uses the same companions."""
    if entry.home.is_dir():
        return False
    stem = stem_of(entry)
    others = (Path(stem + ending) for ending in MODEL_ENDINGS)
    return any(other != entry.home and other.is_file() for other in others)


def _tidy(folder: Path, root: Path) -> None:
    while folder != root and folder.is_relative_to(root):
        try:
            folder.rmdir()
        except OSError:  # not empty, or not ours to take away
            return
        folder = folder.parent

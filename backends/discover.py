"""Finds engines: every folder under `backends/`, or under a folder named by a setting, whose `engine.py`
names ENGINE.
"""

import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from backends.contract import EngineType

HOME = Path(__file__).resolve().parent
"""The folder of the engines that come with the hub."""


class EngineFolderError(Exception):
    """An engine folder cannot be used; the text names the folder and what to change."""


class FoundEngine(Struct, frozen=True):
    """An engine type and where it was found; `outside` when not under `backends/`."""

    type: EngineType
    folder: Path
    outside: bool


def find_engines(folders: Sequence[Path] = ()) -> Mapping[str, FoundEngine]:
    """All engine types by id; raises EngineFolderError for a broken folder or an id used twice."""
    found: dict[str, FoundEngine] = {}
    for folder in _engine_folders(folders):
        engine = read_engine(folder)
        other = found.get(engine.type.id)
        if other is not None:
            raise EngineFolderError(
                f"The engine id {engine.type.id!r} is used by {other.folder} and by {folder}; rename one."
            )
        found[engine.type.id] = engine
    return found


def read_engine(folder: Path) -> FoundEngine:
    """Import one folder's `engine.py`; raises EngineFolderError."""
    folder = folder.resolve()
    outside = folder.parent != HOME
    try:
        engine = (
            _import_outside(folder) if outside else importlib.import_module(f"backends.{folder.name}.engine")
        )
    except Exception as error:
        raise EngineFolderError(f"{folder / 'engine.py'} cannot be imported: {error}") from error
    kind = getattr(engine, "ENGINE", None)
    if not isinstance(kind, EngineType):
        raise EngineFolderError(f"{folder / 'engine.py'} must set ENGINE to an EngineType.")
    return FoundEngine(kind, folder, outside)


def _engine_folders(folders: Sequence[Path]) -> list[Path]:
    """Folders holding an `engine.py`, ours first; a named folder may be one engine or hold several."""
    seen: dict[Path, None] = {}
    for folder in (HOME, *folders):
        if not folder.is_dir():
            raise EngineFolderError(
                f"The engine folder {folder} does not exist; correct the setting that names it."
            )
        places = [folder] if (folder / "engine.py").is_file() else sorted(folder.iterdir())
        seen.update({place.resolve(): None for place in places if (place / "engine.py").is_file()})
    return list(seen)


def _import_outside(folder: Path) -> object:
    """An `engine.py` outside our packages, under a name of its own: two folders of one name do not
    collide.
    """
    name = f"engine_folder_{abs(hash(folder)):x}"
    spec = importlib.util.spec_from_file_location(name, folder / "engine.py")
    if spec is None or spec.loader is None:
        raise EngineFolderError(f"{folder / 'engine.py'} cannot be read.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module

"""Finds checkers: every file of our own folder, and of those that the settings name."""

import importlib.util
import pkgutil
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType

from hub.safety import checkers
from hub.safety.checker import CheckerType, Unusable


def find_types(folders: Iterable[Path] = ()) -> dict[str, CheckerType]:
    """Every checker's type by its name; one of a folder takes the place of ours with the same name. Raises
    Unusable for a file that is none."""
    modules = [
        import_module(f"{checkers.__name__}.{found.name}")
        for found in pkgutil.iter_modules(checkers.__path__)
    ]
    for folder in folders:
        modules += [_load(file) for file in sorted(folder.glob("*.py"))]
    return {kind.id: kind for kind in map(_type_of, modules)}


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"hub_checker_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise Unusable(f"{file} (folders.checkers) cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as broken:
        raise Unusable(f"{file} (folders.checkers) breaks when it is loaded: {broken!r}") from broken
    return module


def _type_of(module: ModuleType) -> CheckerType:
    kind = getattr(module, "CHECKER", None)
    if not isinstance(kind, CheckerType):
        raise Unusable(f"{module.__file__} names no CHECKER; a checker's file has to (docs/safety.md).")
    return kind

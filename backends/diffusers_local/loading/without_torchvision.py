"""Lets spandrel be imported where there is no torchvision.

Two of its architectures (LaMa, which fills holes, and RestoreFormer, which mends faces) import three names of
torchvision. Neither enlarges pictures, so this engine never uses them; all others need nothing of it.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_FUNCTIONAL = "torchvision.transforms.functional"


class _Absent(ModuleType):
    """Stands in for a module: any of its public names can be imported, and says when used what is missing."""

    __path__: list[str] = []  # noqa: RUF012 - the import system reads this name of a package

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def missing(*_: object, **__: object) -> None:
            raise RuntimeError(f"This kind of model needs torchvision ({name}), which is not installed.")

        return missing


def import_spandrel() -> Any:
    """The package spandrel, with torchvision or without. Raises ImportError when spandrel is not there."""
    if "spandrel" in sys.modules or _imports("torchvision"):
        return importlib.import_module("spandrel")
    with _standing_in():
        return importlib.import_module("spandrel")


def _imports(name: str) -> bool:
    """Whether a module works, not only whether it is there: one built for another torch breaks on import."""
    try:
        importlib.import_module(name)
    except Exception:
        return False
    return True


@contextmanager
def _standing_in() -> Iterator[None]:
    """The stand-ins are gone afterwards: others that look for torchvision must not find them."""
    parts = _FUNCTIONAL.split(".")
    names = [".".join(parts[: count + 1]) for count in range(len(parts))]
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    try:
        sys.modules.update({name: _Absent(name) for name in names})
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)

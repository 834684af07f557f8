"""Imports spandrel without torchvision, which has no build for every torch.

Two of spandrel's many architectures import it: LaMa, which fills holes, and RestoreFormer, which mends faces.
Neither enlarges pictures, so stand-ins that recognise no file take their places. Nothing is put in the place
of torchvision itself: other libraries look for it, perhaps at this moment in another thread.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

_LEFT_OUT = ("LaMa", "RestoreFormer")


class _Absent:
    """An architecture that no file is of."""

    def __init__(self, name: str) -> None:
        self.id = self.name = name

    def detect(self, _state: object) -> bool:
        """No file is."""
        return False

    def load(self, _state: object) -> Any:
        """Never called by a registry, because nothing is detected."""
        raise RuntimeError(f"Models of the kind {self.name} are not loaded here.")


def import_spandrel() -> Any:
    """The package spandrel. Raises ImportError when it is not there."""
    if "spandrel" not in sys.modules:
        for name in _LEFT_OUT:
            where = f"spandrel.architectures.{name}"
            module = sys.modules.setdefault(where, ModuleType(where))
            setattr(module, f"{name}Arch", lambda name=name: _Absent(name))
    return importlib.import_module("spandrel")

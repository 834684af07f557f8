"""The model families of this engine: one file each, found by being here and naming FAMILY.

A file says what a family is (`family.py` has the words); which family a model belongs to follows from the
model's own index or header, never from its name.
"""

import importlib
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from backends.diffusers_local.families.family import Checkpoint, Family, Stock, TextPart

__all__ = ["FAMILIES", "Checkpoint", "Family", "Stock", "TextPart", "of_pipeline"]


def _find() -> dict[str, Family]:
    found: dict[str, Family] = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem in ("__init__", "family"):
            continue
        family: Family = importlib.import_module(f"{__name__}.{path.stem}").FAMILY
        if family.id in found:
            raise ValueError(f"Two model families are called {family.id!r}; rename one.")
        found[family.id] = family
    return found


FAMILIES: Mapping[str, Family] = MappingProxyType(_find())
"""Every family by its id."""


def of_pipeline(name: object, empty: Collection[str] = ()) -> Family | None:
    """The family whose folders name this pipeline class; None when no family here does.

    Where several do, the first that needs none of the components that are `empty`.
    """
    named = [family for family in FAMILIES.values() if name in family.pipelines]
    whole = (family for family in named if not (set(family.parts) - set(family.optional)) & set(empty))
    return next(whole, named[0] if named else None)

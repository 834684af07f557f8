"""Find every file of flags."""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

import permissions.flags
from permissions.flag import Flag


def discover() -> Mapping[str, Flag]:
    """Every flag by id, in order of the group files' names. Raises `ValueError` when two share an id."""
    found: dict[str, Flag] = {}
    for module in sorted(entry.name for entry in pkgutil.iter_modules(permissions.flags.__path__)):
        for flag in import_module(f"permissions.flags.{module}").FLAGS:
            if flag.id in found:
                raise ValueError(f"permissions/flags/{module}.py: the flag {flag.id} exists already")
            found[flag.id] = flag
    return MappingProxyType(found)


FLAGS: Mapping[str, Flag] = discover()

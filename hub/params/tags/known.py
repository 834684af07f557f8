"""Every tag there is, discovered: one file of this folder each."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from hub.params import tags
from hub.params.tags.tag import Tag


def _find() -> dict[str, Tag]:
    found: dict[str, Tag] = {}
    for module in pkgutil.iter_modules(tags.__path__):
        tag = getattr(importlib.import_module(f"{tags.__name__}.{module.name}"), "TAG", None)
        if isinstance(tag, Tag):
            found |= dict.fromkeys(tag.names, tag)
    return found


TAGS: Mapping[str, Tag] = MappingProxyType(_find())
"""Every tag by each of its names, in lower case."""

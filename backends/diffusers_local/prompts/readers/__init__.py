"""How each kind of model reads a prompt: one file a kind, named by `Family.reader`.

Such a file has `make(family, parts, device)`, which returns a Reader.
"""

import importlib
from collections.abc import Mapping
from typing import Any

import torch

from backends.diffusers_local.families import Family
from backends.diffusers_local.prompts.readers.reader import Reader, Reading

__all__ = ["Reader", "Reading", "make_reader"]


def make_reader(family: Family, parts: Mapping[str, Any], device: torch.device) -> Reader:
    """The reader of a loaded model."""
    made: Reader = importlib.import_module(f"{__name__}.{family.reader}").make(family, parts, device)
    return made

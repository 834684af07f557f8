"""The kinds of things that are loaded from files and kept on the shelf, and what loads each."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

import torch

from backends.contract import ModelRef
from backends.diffusers_local.loading.embeddings import load_embedding
from backends.diffusers_local.loading.model import load_model


class Part(Protocol):
    """Something in memory that was loaded from a file or folder."""

    @property
    def ref(self) -> ModelRef:
        """Where it was loaded from."""

    @property
    def key(self) -> str:
        """Changes when its files do."""

    @property
    def size(self) -> int:
        """Bytes in memory."""


Loader = Callable[[ModelRef, torch.device, torch.dtype], Part]
"""Loads one thing. Raises folders.ModelTrouble with a sentence for the user."""

LOADERS: Mapping[str, Loader] = MappingProxyType({"model": load_model, "embedding": load_embedding})
"""Kind -> what loads it."""

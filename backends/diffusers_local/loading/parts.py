"""The kinds of things that are loaded from files and kept on the shelf, and what loads each."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import torch

from backends.contract import ModelRef
from backends.diffusers_local.features.lora import load_lora
from backends.diffusers_local.loading.controlnets import load_controlnet
from backends.diffusers_local.loading.embeddings import load_embedding
from backends.diffusers_local.loading.model import load_model
from backends.diffusers_local.loading.offload import Home
from backends.diffusers_local.loading.stock_model import is_stock, load_stock
from backends.diffusers_local.loading.upscaler import load_upscaler
from backends.diffusers_local.loading.vae import load_vae


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


Loader = Callable[..., Part]
"""Loads one thing from a ModelRef to a device, in a dtype. Raises ModelTrouble with a sentence for the user.

A model's takes as `home` where each of its components goes instead.
"""


def _load_model(ref: ModelRef, device: torch.device, dtype: torch.dtype, home: Home | None = None) -> Part:
    """A model for the step loop, or one that its own pipeline draws."""
    return (load_stock if is_stock(Path(ref.path)) else load_model)(ref, device, dtype, home)


LOADERS: Mapping[str, Loader] = MappingProxyType(
    {
        "model": _load_model,
        "vae": load_vae,
        "lora": load_lora,
        "embedding": load_embedding,
        "upscaler": load_upscaler,
        "controlnet": load_controlnet,
    }
)
"""Kind -> what loads it."""

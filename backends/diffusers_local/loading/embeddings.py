"""Reads textual inversions from their files."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from backends.contract import ModelRef
from backends.diffusers_local.loading.weights import ModelTrouble, check_safetensors, stamp_of
from backends.diffusers_local.prompts.inversions import Embedding

_MOST = 1 << 26
"""Bytes of a textual inversion; the largest known are a thousandth of it."""


def load_embedding(ref: ModelRef, device: torch.device, dtype: torch.dtype) -> Embedding:
    """Read a textual inversion: any safetensors file of nothing but vectors. Raises ModelTrouble.

    The usual ones hold one tensor ("emb_params" or the token's name), or "clip_l" and "clip_g". They are
    kept as they are; the encoder they go into says where and how precise they become.
    """
    path = Path(ref.path)
    check_safetensors(path)
    stamp = stamp_of(path)
    if path.stat().st_size > _MOST:
        raise ModelTrouble(f"{path.name!r} is far too large for a textual inversion; check its folder.")
    vectors = {name: _as_vectors(tensor) for name, tensor in load_file(path).items()}
    whole = {name: tensor for name, tensor in vectors.items() if tensor is not None}
    if not whole or len(whole) < len(vectors):
        odd = next((name for name in vectors if name not in whole), "nothing")
        raise ModelTrouble(
            f"{path.name!r} is no textual inversion: it holds {odd!r} where only vectors belong; check its "
            "folder."
        )
    size = sum(tensor.numel() * tensor.element_size() for tensor in whole.values())
    return Embedding(ref, f"{ref.path}@{stamp}", whole, size)


def _as_vectors(tensor: torch.Tensor) -> torch.Tensor | None:
    """(count, width); None for what is none or has no finite numbers."""
    tensor = tensor[None] if tensor.dim() == 1 else tensor
    if tensor.dim() != 2 or not tensor.numel() or not tensor.is_floating_point():
        return None
    tensor = tensor.float()
    return tensor if bool(torch.isfinite(tensor).all()) else None

"""Between what an autoencoder gives and the latents a denoiser was trained on: shifted to a mean of about 0,
scaled to a spread of about 1.
"""

from typing import Any

import torch


def scaled(vae: Any, encoded: torch.Tensor) -> torch.Tensor:
    """What the encoder gave -> latents."""
    shift = getattr(vae.config, "shift_factor", None)
    latents: torch.Tensor = (encoded if shift is None else encoded - shift) * vae.config.scaling_factor
    return latents


def unscaled(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """Latents -> what the decoder takes."""
    shift = getattr(vae.config, "shift_factor", None)
    encoded: torch.Tensor = latents / vae.config.scaling_factor
    return encoded if shift is None else encoded + shift

"""The starter model's autoencoder: a linear encoder and a small convolutional decoder.

Import this module before loading the folder: diffusers takes a class from outside itself only when it is
already imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils.outputs import BaseOutput
from torch import nn
from torch.nn import functional

PATCH = 8


@dataclass
class EncoderOutput(BaseOutput):
    """Latents of pictures; the image-to-image pipelines read them by this name."""

    latents: torch.Tensor


class Residual(nn.Module):
    """Two 3x3 convolutions beside an identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Same shape out as in."""
        return functional.relu(x + self.second(functional.relu(self.first(x))))


class Decoder(nn.Sequential):
    """Latents (n, channels, h, w) -> pictures (n, 3, 32h, 32w): three doublings, then two pixel shuffles."""

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(channels, widths[0], 3, padding=1),
            nn.ReLU(),
            Residual(widths[0]),
        ]
        for before, after in pairwise(widths[:-1]):
            layers += [
                nn.Upsample(scale_factor=2),
                nn.Conv2d(before, after, 3, padding=1),
                nn.ReLU(),
                Residual(after),
            ]
        layers += [nn.Conv2d(widths[-2], 4 * widths[-1], 3, padding=1), nn.PixelShuffle(2), nn.ReLU()]
        layers += [nn.Conv2d(widths[-1], 12, 3, padding=1), nn.PixelShuffle(2)]
        super().__init__(*layers)


class StarterAutoencoder(ModelMixin, ConfigMixin):
    """Pictures (n, 3, 32h, 32w) in -1..1 <-> latents (n, channels, h, w); latents are deterministic.

    The encoder averages 4x4 pixels and projects each 8x8 patch on the principal components it holds.
    `block_out_channels` must have six entries: the pipelines take the scale, 32, from their number.
    """

    _supports_gradient_checkpointing = False

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 24,
        block_out_channels: tuple[int, ...] = (128, 128, 96, 64, 36, 16),
        scaling_factor: float = 1.0,
    ) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, latent_channels, PATCH, stride=PATCH)
        self.decoder = Decoder(latent_channels, tuple(block_out_channels[1:]))
        self.use_slicing = self.use_tiling = False

    def encode(self, x: torch.Tensor, return_dict: bool = True) -> Any:
        """Pictures (n, 3, 32h, 32w) in -1..1 -> an output whose `latents` are (n, channels, h, w)."""
        latents = self.encoder(functional.avg_pool2d(x, 4))
        return EncoderOutput(latents=latents) if return_dict else (latents,)

    def decode(self, z: torch.Tensor, return_dict: bool = True, generator: Any = None) -> Any:
        """Latents (n, channels, h, w) -> an output whose `sample` is (n, 3, 32h, 32w), about -1..1."""
        sample = self.decoder(z)
        return DecoderOutput(sample=sample) if return_dict else (sample,)

    def forward(self, sample: torch.Tensor) -> torch.Tensor:
        """Encode and decode."""
        decoded: torch.Tensor = self.decode(self.encode(sample).latents).sample
        return decoded

"""From pictures to latents, by the autoencoder of a work's kit."""

from collections.abc import Mapping
from typing import Any

import torch
from PIL import Image as Picture

from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.pictures import pictures
from backends.diffusers_local.pictures.pieces import encode_in_pieces, tiles_for
from backends.diffusers_local.pictures.scale import scaled

_NONE: Mapping[str, object] = {}


def encode_picture(
    kit: Kit, picture: Picture.Image, generator: torch.Generator, extra: Mapping[str, object] = _NONE
) -> torch.Tensor:
    """A picture of the drawn size -> latents (1, channels, h, w), see encode_pixels."""
    return encode_pixels(kit, torch.from_numpy(pictures.as_floats(picture)), generator, extra)


def encode_pixels(
    kit: Kit, pixels: torch.Tensor, generator: torch.Generator, extra: Mapping[str, object] = _NONE
) -> torch.Tensor:
    """Pixels (1, 3, height, width) in -1..1 -> latents (1, channels, h, w), drawn from the encoder's
    distribution where it has one. Large ones are encoded in tiles, of the size that `extra` names, if any.

    Raises ValueError for what is no size of a tile.
    """
    vae = kit.vae
    pixels = pixels.to(kit.model.device, vae.dtype)
    said = _encoded(vae, pixels, kit.model.scale, extra)
    drawn = said if isinstance(said, torch.Tensor) else said.sample(generator)
    latents: torch.Tensor = drawn.to(kit.model.dtype)
    return scaled(vae, latents)


def _encoded(vae: Any, pixels: torch.Tensor, scale: int, extra: Mapping[str, object]) -> Any:
    """The distribution to draw latents from, or the latents."""
    tiling = tiles_for(extra, (pixels.shape[-1], pixels.shape[-2]), scale)
    if tiling is None:
        encoded = vae.encode(pixels)
        return encoded.latent_dist if hasattr(encoded, "latent_dist") else encoded.latents
    pieces = encode_in_pieces(vae, pixels, tiling, scale)
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return end.value

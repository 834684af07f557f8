"""From pictures to latents, by the autoencoder of a work's kit."""

import torch
from PIL import Image as Picture

from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.pictures import pictures
from backends.diffusers_local.pictures.scale import scaled


def encode_picture(kit: Kit, picture: Picture.Image, generator: torch.Generator) -> torch.Tensor:
    """A picture of the drawn size -> latents (1, channels, h, w), see encode_pixels."""
    return encode_pixels(kit, torch.from_numpy(pictures.as_floats(picture)), generator)


def encode_pixels(kit: Kit, pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Pixels (1, 3, height, width) in -1..1 -> latents (1, channels, h, w), drawn from the encoder's
    distribution where it has one.
    """
    vae = kit.vae
    encoded = vae.encode(pixels.to(kit.model.device, vae.dtype))
    if hasattr(encoded, "latent_dist"):
        latents: torch.Tensor = encoded.latent_dist.sample(generator)
    else:
        latents = encoded.latents
    return scaled(vae, latents.to(kit.model.dtype))

"""PixArt-Sigma: PixArt-Alpha with longer prompts and another autoencoder; drawn by its own pipeline."""

from backends.diffusers_local.families.family import Family
from backends.diffusers_local.families.pixart_alpha import PARTS, STOCK

FAMILY = Family(
    id="pixart_sigma",
    name="PixArt-Sigma",
    classes=("pixart-ms-sigma-xl-2",),
    pipelines=("PixArtSigmaPipeline",),
    parts=PARTS,
    weighted=("transformer", "vae", "text_encoder"),
    texts=(),
    unused=(),
    denoiser="stock",
    stock=STOCK,
)

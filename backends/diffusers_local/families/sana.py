"""Sana: a linear transformer on strongly compressed latents, reading Gemma; drawn by its own pipeline."""

from backends.diffusers_local.families.family import FLOW_SCHEDULER_CLASSES, TOKENIZERS, Family, Stock
from backends.diffusers_local.samplers.stock import EULER_OR_DPM

PARTS = {
    "transformer": frozenset({("diffusers", "SanaTransformer2DModel")}),
    "vae": frozenset({("diffusers", "AutoencoderDC")}),
    "text_encoder": frozenset({("transformers", "Gemma2Model")}),
    "tokenizer": TOKENIZERS,
}
"""The components of Sana and Sana Sprint."""

FAMILY = Family(
    id="sana",
    name="Sana",
    classes=("nvidia-sana-1600",),
    pipelines=("SanaPipeline",),
    parts=PARTS,
    weighted=("transformer", "vae", "text_encoder"),
    texts=(),
    unused=(),
    schedulers=FLOW_SCHEDULER_CLASSES,
    denoiser="stock",
    stock=Stock(
        samplers=EULER_OR_DPM, cells=1, arguments={"use_resolution_binning": False, "clean_caption": False}
    ),
)

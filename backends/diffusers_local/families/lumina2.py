"""Lumina Image 2: a transformer that reads Gemma; drawn by its own pipeline."""

from backends.diffusers_local.families.family import FLOW_SCHEDULER_CLASSES, TOKENIZERS, Family, Stock
from backends.diffusers_local.samplers.stock import FLOW

FAMILY = Family(
    id="lumina2",
    name="Lumina Image 2",
    classes=("lumina-2",),
    pipelines=("Lumina2Pipeline", "Lumina2Text2ImgPipeline"),
    parts={
        "transformer": frozenset({("diffusers", "Lumina2Transformer2DModel")}),
        "vae": frozenset({("diffusers", "AutoencoderKL")}),
        "text_encoder": frozenset({("transformers", "Gemma2Model")}),
        "tokenizer": TOKENIZERS,
    },
    weighted=("transformer", "vae", "text_encoder"),
    texts=(),
    unused=(),
    schedulers=FLOW_SCHEDULER_CLASSES,
    denoiser="stock",
    stock=Stock(samplers=FLOW),
)

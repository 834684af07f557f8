"""Chroma: Flux's transformer without its built-in guidance, reading T5 alone; drawn by its own pipelines."""

from backends.diffusers_local.families.family import FLOW_SCHEDULER_CLASSES, TOKENIZERS, Family, Stock
from backends.diffusers_local.samplers.stock import FLOW

FAMILY = Family(
    id="chroma",
    name="Chroma",
    classes=("chroma",),
    pipelines=("ChromaPipeline", "ChromaImg2ImgPipeline"),
    parts={
        "transformer": frozenset({("diffusers", "ChromaTransformer2DModel")}),
        "vae": frozenset({("diffusers", "AutoencoderKL")}),
        "text_encoder": frozenset({("transformers", "T5EncoderModel")}),
        "tokenizer": TOKENIZERS,
    },
    weighted=("transformer", "vae", "text_encoder"),
    texts=(),
    unused=("image_encoder", "feature_extractor"),
    schedulers=FLOW_SCHEDULER_CLASSES,
    denoiser="stock",
    # diffusers' pipeline for masks asks this transformer for a setting it does not have
    stock=Stock(samplers=FLOW, from_picture="ChromaImg2ImgPipeline", packed=True),
)

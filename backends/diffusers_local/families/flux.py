"""Flux.1, dev and schnell: a transformer over T5's states and the picture in patches of two by two cells, a
pooled vector of CLIP, and in dev a guidance of its own beside the usual one.
"""

from backends.diffusers_local.families.family import (
    CLIP_TOKENIZERS,
    FLOW_SCHEDULER_CLASSES,
    TOKENIZERS,
    Family,
    TextPart,
)

FAMILY = Family(
    id="flux",
    name="Flux.1",
    classes=("Flux.1-schnell", "Flux.1-dev"),
    pipelines=("FluxPipeline", "FluxImg2ImgPipeline", "FluxInpaintPipeline"),
    unused=("feature_extractor", "image_encoder"),
    parts={
        "transformer": frozenset({("diffusers", "FluxTransformer2DModel")}),
        "vae": frozenset({("diffusers", "AutoencoderKL"), ("diffusers", "AutoencoderTiny")}),
        "text_encoder": frozenset({("transformers", "CLIPTextModel")}),
        "text_encoder_2": frozenset({("transformers", "T5EncoderModel")}),
        "tokenizer": CLIP_TOKENIZERS,
        "tokenizer_2": TOKENIZERS,
    },
    weighted=("transformer", "vae", "text_encoder", "text_encoder_2"),
    texts=(TextPart("tokenizer", "text_encoder"),),
    schedulers=FLOW_SCHEDULER_CLASSES,
    pooled=True,
    upcast=True,
    half="bfloat16",
    denoiser="flux",
    reader="flux",
    sampling="flow",
    patch=2,
)

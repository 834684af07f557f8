"""Stable Diffusion 3 and 3.5: a transformer over picture and prompt together, three text encoders (the last,
T5, may be missing), and a straight flow from noise to picture.
"""

from backends.diffusers_local.families.family import (
    CLIP_TOKENIZERS,
    FLOW_SCHEDULER_CLASSES,
    TOKENIZERS,
    Family,
    TextPart,
)

FAMILY = Family(
    id="stable_diffusion_3",
    name="Stable Diffusion 3",
    classes=("stable-diffusion-v3-medium", "stable-diffusion-v3.5-large", "stable-diffusion-v3.5-medium"),
    pipelines=(
        "StableDiffusion3Pipeline",
        "StableDiffusion3Img2ImgPipeline",
        "StableDiffusion3InpaintPipeline",
    ),
    unused=("feature_extractor", "image_encoder"),
    parts={
        "transformer": frozenset({("diffusers", "SD3Transformer2DModel")}),
        "vae": frozenset({("diffusers", "AutoencoderKL"), ("diffusers", "AutoencoderTiny")}),
        "text_encoder": frozenset({("transformers", "CLIPTextModelWithProjection")}),
        "text_encoder_2": frozenset({("transformers", "CLIPTextModelWithProjection")}),
        "text_encoder_3": frozenset({("transformers", "T5EncoderModel")}),
        "tokenizer": CLIP_TOKENIZERS,
        "tokenizer_2": CLIP_TOKENIZERS,
        "tokenizer_3": TOKENIZERS,
    },
    weighted=("transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3"),
    optional=("text_encoder_3", "tokenizer_3"),
    texts=(
        TextPart("tokenizer", "text_encoder", layer=2, normed=False),
        TextPart("tokenizer_2", "text_encoder_2", layer=2, normed=False),
    ),
    schedulers=FLOW_SCHEDULER_CLASSES,
    pooled=True,
    upcast=True,
    half="bfloat16",
    denoiser="sd3",
    reader="sd3",
    sampling="flow",
    patch=2,
)

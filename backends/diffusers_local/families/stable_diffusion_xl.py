"""Stable Diffusion XL, the base model and what was trained from it: two text encoders side by side, the
second one's pooled vector, and where in a picture of which size the drawing lies.
"""

from backends.diffusers_local.families.family import CLIP_TOKENIZERS, Checkpoint, Family, TextPart

FAMILY = Family(
    id="stable_diffusion_xl",
    name="Stable Diffusion XL",
    classes=("stable-diffusion-xl-v1-base", "stable-diffusion-xl-v0_9-base", "stable-diffusion-xl-turbo-v1"),
    pipelines=(
        "StableDiffusionXLPipeline",
        "StableDiffusionXLImg2ImgPipeline",
        "StableDiffusionXLInpaintPipeline",
    ),
    options={"add_watermarker": False},
    unused=("feature_extractor", "image_encoder"),
    parts={
        "unet": frozenset({("diffusers", "UNet2DConditionModel")}),
        "vae": frozenset({("diffusers", "AutoencoderKL"), ("diffusers", "AutoencoderTiny")}),
        "text_encoder": frozenset({("transformers", "CLIPTextModel")}),
        "text_encoder_2": frozenset({("transformers", "CLIPTextModelWithProjection")}),
        "tokenizer": CLIP_TOKENIZERS,
        "tokenizer_2": CLIP_TOKENIZERS,
    },
    weighted=("unet", "vae", "text_encoder", "text_encoder_2"),
    texts=(
        TextPart("tokenizer", "text_encoder", layer=2, normed=False),
        TextPart("tokenizer_2", "text_encoder_2", layer=2, normed=False),
    ),
    pooled=True,
    addition="text_time",
    zero_empty="force_zeros_for_empty_prompt",
    upcast=True,
    checkpoints=(
        Checkpoint(
            "sdxl",
            "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight",
            2048,
            {"tokenizer": "<|endoftext|>", "tokenizer_2": "!"},
            has=("conditioner.embedders.1.model.ln_final.weight",),
        ),
    ),
)

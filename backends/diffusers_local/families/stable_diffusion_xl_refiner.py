"""The refiner of Stable Diffusion XL: only the larger of its text encoders, and beside the picture's size a
mark for beauty that the prompt's picture gets a high and the negative prompt's a low one of.
"""

from backends.diffusers_local.families.family import CLIP_TOKENIZERS, Checkpoint, Family, TextPart

FAMILY = Family(
    id="stable_diffusion_xl_refiner",
    name="Stable Diffusion XL's refiner",
    classes=("stable-diffusion-xl-v1-refiner", "stable-diffusion-xl-v0_9-refiner"),
    pipelines=("StableDiffusionXLImg2ImgPipeline",),
    options={"add_watermarker": False},
    unused=("feature_extractor", "image_encoder", "text_encoder", "tokenizer"),
    parts={
        "unet": frozenset({("diffusers", "UNet2DConditionModel")}),
        "vae": frozenset({("diffusers", "AutoencoderKL"), ("diffusers", "AutoencoderTiny")}),
        "text_encoder_2": frozenset({("transformers", "CLIPTextModelWithProjection")}),
        "tokenizer_2": CLIP_TOKENIZERS,
    },
    weighted=("unet", "vae", "text_encoder_2"),
    texts=(TextPart("tokenizer_2", "text_encoder_2", layer=2, normed=False),),
    pooled=True,
    addition="text_time",
    scored=True,
    zero_empty="force_zeros_for_empty_prompt",
    upcast=True,
    checkpoints=(
        Checkpoint(
            "sdxl_refiner",
            "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight",
            1280,
            {"tokenizer_2": "!"},
            has=("conditioner.embedders.0.model.ln_final.weight",),
        ),
    ),
)

"""Stable Diffusion 1 and 2, and the starter model, which is built like them."""

from backends.diffusers_local.families.family import CLIP_TOKENIZERS, Checkpoint, Family, TextPart

STARTER_MODULE = "backends.diffusers_local.starter.autoencoder"
"""The module of the starter model's autoencoder: the only code outside the libraries that a folder may
name.
"""

_TEXT = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
_LAST_NORM = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
_V_SPREAD = 0.09  # that bias spreads wider than this in the version 2 models that predict velocity

FAMILY = Family(
    id="stable_diffusion",
    name="Stable Diffusion 1 and 2",
    classes=(
        "starter",
        "stable-diffusion-v1",
        "stable-diffusion-v1-inpainting",
        "stable-diffusion-v1/inpaint",
        "stable-diffusion-v2-512",
        "stable-diffusion-v2-768-v",
        "stable-diffusion-v2-inpainting",
        "stable-diffusion-v2-turbo",
    ),
    pipelines=(
        "StableDiffusionPipeline",
        "StableDiffusionImg2ImgPipeline",
        "StableDiffusionInpaintPipeline",
        "LatentConsistencyModelPipeline",
        "LatentConsistencyModelImg2ImgPipeline",
    ),
    options={"requires_safety_checker": False},
    parts={
        "unet": frozenset({("diffusers", "UNet2DConditionModel")}),
        "vae": frozenset(
            {
                ("diffusers", "AutoencoderKL"),
                ("diffusers", "AutoencoderTiny"),
                (STARTER_MODULE, "StarterAutoencoder"),
            }
        ),
        "text_encoder": frozenset({("transformers", "CLIPTextModel")}),
        "tokenizer": CLIP_TOKENIZERS,
    },
    weighted=("unet", "vae", "text_encoder"),
    texts=(TextPart("tokenizer", "text_encoder"),),
    checkpoints=(
        Checkpoint("sd1", _TEXT, 768, {"tokenizer": "<|endoftext|>"}),
        Checkpoint("sd2_v", _TEXT, 1024, {"tokenizer": "!"}, wide=(_LAST_NORM, _V_SPREAD)),
        Checkpoint("sd2", _TEXT, 1024, {"tokenizer": "!"}),
    ),
)

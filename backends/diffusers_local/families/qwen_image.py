"""Qwen-Image: a large transformer that reads a Qwen language model; drawn by its own pipelines.

Its guidance is true classifier-free guidance with a norm kept, hence the other argument's name.
"""

from backends.diffusers_local.families.family import FLOW_SCHEDULER_CLASSES, TOKENIZERS, Family, Stock
from backends.diffusers_local.samplers.stock import FLOW

FAMILY = Family(
    id="qwen_image",
    name="Qwen-Image",
    classes=("qwen-image",),
    pipelines=("QwenImagePipeline", "QwenImageImg2ImgPipeline", "QwenImageInpaintPipeline"),
    parts={
        "transformer": frozenset({("diffusers", "QwenImageTransformer2DModel")}),
        "vae": frozenset({("diffusers", "AutoencoderKLQwenImage")}),
        "text_encoder": frozenset({("transformers", "Qwen2_5_VLForConditionalGeneration")}),
        "tokenizer": TOKENIZERS,
    },
    weighted=("transformer", "vae", "text_encoder"),
    texts=(),
    unused=(),
    schedulers=FLOW_SCHEDULER_CLASSES,
    denoiser="stock",
    stock=Stock(
        samplers=FLOW,
        guidance="true_cfg_scale",
        from_picture="QwenImageImg2ImgPipeline",
        in_picture="QwenImageInpaintPipeline",
        packed=True,
        file=(
            "time_text_embed.timestep_embedder.linear_1.bias",
            "transformer_blocks.0.attn.add_k_proj.bias",
            "transformer_blocks.0.txt_mod.1.weight",
        ),
    ),
)

"""Z-Image: a single-stream transformer that reads a Qwen language model; drawn by its own pipelines.

Its guidance adds to the prompt's own answer, so that a CFG scale here is felt as one more elsewhere; up to 1
there is none.
"""

from backends.diffusers_local.families.family import FLOW_SCHEDULER_CLASSES, TOKENIZERS, Family, Stock
from backends.diffusers_local.samplers.stock import FLOW

FAMILY = Family(
    id="z_image",
    name="Z-Image",
    classes=("z-image",),
    pipelines=("ZImagePipeline", "ZImageImg2ImgPipeline", "ZImageInpaintPipeline"),
    parts={
        "transformer": frozenset({("diffusers", "ZImageTransformer2DModel")}),
        "vae": frozenset({("diffusers", "AutoencoderKL")}),
        "text_encoder": frozenset({("transformers", "Qwen3Model"), ("transformers", "Qwen3ForCausalLM")}),
        "tokenizer": TOKENIZERS,
    },
    weighted=("transformer", "vae", "text_encoder"),
    texts=(),
    unused=(),
    schedulers=FLOW_SCHEDULER_CLASSES,
    denoiser="stock",
    stock=Stock(
        samplers=FLOW,
        from_picture="ZImageImg2ImgPipeline",
        in_picture="ZImageInpaintPipeline",
        file=("context_refiner.0.attention.k_norm.weight", "layers.0.adaLN_modulation.0.bias"),
    ),
)

"""Hunyuan-DiT: a diffusion transformer that reads a Chinese CLIP and a multilingual T5; drawn by its own
pipeline.
"""

from backends.diffusers_local.families.family import TOKENIZERS, Family, Stock
from backends.diffusers_local.samplers.stock import DIFFUSION

FAMILY = Family(
    id="hunyuan_dit",
    name="Hunyuan-DiT",
    classes=("hunyuan-dit",),
    pipelines=("HunyuanDiTPipeline",),
    parts={
        "transformer": frozenset({("diffusers", "HunyuanDiT2DModel")}),
        "vae": frozenset({("diffusers", "AutoencoderKL")}),
        "text_encoder": frozenset({("transformers", "BertModel")}),
        "text_encoder_2": frozenset({("transformers", "T5EncoderModel")}),
        "tokenizer": TOKENIZERS,
        "tokenizer_2": TOKENIZERS,
    },
    weighted=("transformer", "vae", "text_encoder", "text_encoder_2"),
    texts=(),
    unused=("safety_checker", "feature_extractor"),
    options={"requires_safety_checker": False},
    denoiser="stock",
    stock=Stock(samplers=DIFFUSION, noise="diffusion", arguments={"use_resolution_binning": False}),
)

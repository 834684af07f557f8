"""CogView 4: a flow transformer that reads GLM; drawn by its own pipeline."""

from backends.diffusers_local.families.family import FLOW_SCHEDULER_CLASSES, TOKENIZERS, Family, Stock
from backends.diffusers_local.samplers.stock import EULER

FAMILY = Family(
    id="cogview4",
    name="CogView 4",
    classes=("cogview-4",),
    pipelines=("CogView4Pipeline",),
    parts={
        "transformer": frozenset({("diffusers", "CogView4Transformer2DModel")}),
        "vae": frozenset({("diffusers", "AutoencoderKL")}),
        "text_encoder": frozenset({("transformers", "GlmModel")}),
        "tokenizer": TOKENIZERS,
    },
    weighted=("transformer", "vae", "text_encoder"),
    texts=(),
    unused=(),
    schedulers=FLOW_SCHEDULER_CLASSES,
    denoiser="stock",
    stock=Stock(samplers=EULER),
)

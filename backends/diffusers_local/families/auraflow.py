"""AuraFlow: a flow transformer that reads a multilingual T5; drawn by its own pipeline."""

from backends.diffusers_local.families.family import FLOW_SCHEDULER_CLASSES, TOKENIZERS, Family, Stock
from backends.diffusers_local.samplers.stock import EULER

FAMILY = Family(
    id="auraflow",
    name="AuraFlow",
    classes=("auraflow-v1",),
    pipelines=("AuraFlowPipeline",),
    parts={
        "transformer": frozenset({("diffusers", "AuraFlowTransformer2DModel")}),
        "vae": frozenset({("diffusers", "AutoencoderKL")}),
        "text_encoder": frozenset({("transformers", "UMT5EncoderModel")}),
        "tokenizer": TOKENIZERS,
    },
    weighted=("transformer", "vae", "text_encoder"),
    texts=(),
    unused=(),
    schedulers=FLOW_SCHEDULER_CLASSES,
    denoiser="stock",
    stock=Stock(samplers=EULER),
)

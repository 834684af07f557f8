"""PixArt-Alpha: a small transformer that reads T5; drawn by its own pipeline."""

from backends.diffusers_local.families.family import TOKENIZERS, Family, Stock
from backends.diffusers_local.samplers.stock import DIFFUSION

STOCK = Stock(
    samplers=DIFFUSION,
    noise="diffusion",
    # with one step the pipeline reads an answer that most samplers do not give
    fewest=2,
    # sizes are planned here; captions are cleaned only where a library for web pages is installed
    arguments={"use_resolution_binning": False, "clean_caption": False},
)
"""Both PixArts are asked alike."""

PARTS = {
    "transformer": frozenset({("diffusers", "PixArtTransformer2DModel")}),
    "vae": frozenset({("diffusers", "AutoencoderKL")}),
    "text_encoder": frozenset({("transformers", "T5EncoderModel")}),
    "tokenizer": TOKENIZERS,
}
"""The components of both PixArts."""

FAMILY = Family(
    id="pixart_alpha",
    name="PixArt-Alpha",
    classes=("pixart-alpha-xl-2",),
    pipelines=("PixArtAlphaPipeline",),
    parts=PARTS,
    weighted=("transformer", "vae", "text_encoder"),
    texts=(),
    unused=(),
    denoiser="stock",
    stock=STOCK,
)

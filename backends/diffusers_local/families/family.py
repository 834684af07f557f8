"""What a model family says of itself: plain values and nothing native, so that the hub can read them too."""

from collections.abc import Mapping

from msgspec import Struct

Class = tuple[str, str]
"""A library (or module) and a class of it, as a `model_index.json` names a component."""

CLIP_TOKENIZERS = frozenset(
    {
        ("transformers", "CLIPTokenizer"),
        ("transformers", "CLIPTokenizerFast"),
        ("transformers", "PreTrainedTokenizerFast"),
        ("transformers", "TokenizersBackend"),
    }
)
"""Every class that a CLIP tokenizer has been saved under."""


class TextPart(Struct, frozen=True):
    """One text encoder of a family, by the names of its two components.

    `layer` counts the states that go to the denoiser from the end: 1 is the last layer's. `normed` says
    whether they pass the encoder's last normalisation.
    """

    tokenizer: str
    encoder: str
    layer: int = 1
    normed: bool = True


class Checkpoint(Struct, frozen=True):
    """One kind of single file: the tensor `text` has `width` columns, and `has` is there too.

    `config` is the folder in `configs/`. `padding` names each tokenizer's padding token. `wide` is a tensor
    and the standard deviation its numbers must exceed, where shapes alone do not tell.
    """

    config: str
    text: str
    width: int
    padding: Mapping[str, str]
    has: tuple[str, ...] = ()
    wide: tuple[str, float] | None = None


class Family(Struct, frozen=True):
    """One family of models that this engine draws.

    `classes` are the catalog's class ids; `pipelines` the diffusers classes a folder may name, the first of
    them loads it, with `options`. `parts` says for every component which classes it may have; `weighted` are
    those with weights and `unused` what is left out of a folder. `texts` are the text encoders, their states
    put side by side; with `pooled` the last one's pooled vector and the picture's size go to the denoiser as
    well, which then has the `addition` named. `zero_empty` names the switch in a model's index that makes an
    empty negative prompt nothing at all. With `upcast` half-precision models keep their autoencoder in full
    where its configuration asks for that. `denoiser` names the file in `denoisers/` that asks its denoiser
    step by step, `reader` the one in `prompts/readers/` that reads its prompts.
    """

    id: str
    name: str
    classes: tuple[str, ...]
    pipelines: tuple[str, ...]
    parts: Mapping[str, frozenset[Class]]
    weighted: tuple[str, ...]
    texts: tuple[TextPart, ...]
    checkpoints: tuple[Checkpoint, ...] = ()
    options: Mapping[str, bool] = {}
    unused: tuple[str, ...] = ("safety_checker", "feature_extractor", "image_encoder")
    pooled: bool = False
    addition: str | None = None
    zero_empty: str = ""
    upcast: bool = False
    denoiser: str = "unet"
    reader: str = "clip"

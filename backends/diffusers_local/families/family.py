"""What a model family says of itself: plain values and nothing native, so that the hub can read them too."""

from collections.abc import Mapping
from typing import Literal

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

TOKENIZERS = CLIP_TOKENIZERS | {
    ("transformers", name + kind)
    for name in ("T5Tokenizer", "GemmaTokenizer", "Qwen2Tokenizer", "LlamaTokenizer", "BertTokenizer")
    for kind in ("", "Fast")
}
"""Every class of a tokenizer that is data only."""

FLOW_SCHEDULER_CLASSES = frozenset({"FlowMatchEulerDiscreteScheduler"})
"""The scheduler classes that folders of flow models name."""


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


class Stock(Struct, frozen=True):
    """How a family is drawn by its own pipeline, which does everything from the prompt to the pixels.

    `samplers` are the names it can be asked for, each with the schedulers it goes with. `noise` is how its
    samples are mixed: "flow" (along a straight line), "diffusion" (by a table of signal left) or "trig" (by
    sine and cosine of the time). `guidance` names the argument that takes the CFG scale; `negative` says
    whether there is one for the negative prompt. `from_picture` is the pipeline class that begins from a
    picture, `in_picture` the one that redraws part of it under a mask ("": none does). Sizes are multiples
    of `cells` latent cells. With `packed` the latents travel as rows of patches of 2x2 cells. `fewest` is
    the smallest number of steps it can walk. `arguments` are given to every call. `file` names tensors by
    which a file of its transformer alone is known (none: such files are not read).
    """

    samplers: Mapping[str, tuple[str, ...]]
    noise: Literal["flow", "diffusion", "trig"] = "flow"
    guidance: str = "guidance_scale"
    negative: bool = True
    from_picture: str = ""
    in_picture: str = ""
    cells: int = 2
    packed: bool = False
    fewest: int = 1
    arguments: Mapping[str, bool | int | float | None] = {}
    file: tuple[str, ...] = ()


class Family(Struct, frozen=True):
    """One family of models that this engine draws.

    `classes` are the catalog's class ids; `pipelines` the diffusers classes a folder may name, the first of
    them loads it, with `options`. `parts` says for every component which classes it may have; `weighted` are
    those with weights and `unused` what is left out of a folder. `texts` are the text encoders, their states
    put side by side; with `pooled` the last one's pooled vector and the picture's size go to the denoiser as
    well, which then has the `addition` named. `zero_empty` names the switch in a model's index that makes an
    empty negative prompt nothing at all. With `upcast` half-precision models keep their autoencoder in full
    where its configuration asks for that. `denoiser` names the file in `denoisers/` that asks its denoiser
    step by step, `reader` the one in `prompts/readers/` that reads its prompts. A family whose `denoiser` is
    "stock" is not drawn step by step: `stock` says how its own pipeline is run. `schedulers` are the
    scheduler classes its folders may name beside those that every family may. `sampling` says which table
    of samplers goes with it: `samplers/sampling.py` or, with "flow", `samplers/flow.py`. Sides of a drawing
    are multiples of `patch` latent cells. `optional` are the parts that a model may lack.
    With `scored` the size is told with a mark for beauty in place of the size aimed at.
    `half` is the half precision it was trained for: in the other its largest numbers overflow.
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
    scored: bool = False
    zero_empty: str = ""
    upcast: bool = False
    denoiser: str = "unet"
    reader: str = "clip"
    schedulers: frozenset[str] = frozenset()
    stock: Stock | None = None
    sampling: Literal["diffusion", "flow"] = "diffusion"
    patch: int = 1
    optional: tuple[str, ...] = ()
    half: Literal["float16", "bfloat16"] = "float16"

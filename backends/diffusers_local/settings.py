"""The settings of one local diffusers engine, each with its text."""

from types import MappingProxyType
from typing import Annotated

from msgspec import Meta, Struct

_DTYPES = ("auto", "float32", "float16", "bfloat16")
_OFFLOADS = ("none", "parts", "sequential")
_ATTENTIONS = ("auto", "sdpa", "math", "sliced", "flash", "xformers")
_SWITCH = ("off", "on")
_PREVIEWS = ("fast", "decoder", "none")
_CHOICES = MappingProxyType(
    {
        "dtype": _DTYPES,
        "offload": _OFFLOADS,
        "attention": _ATTENTIONS,
        "compile": _SWITCH,
        "previews": _PREVIEWS,
    }
)


def _one_of(*choices: str, description: str) -> Meta:
    """A setting that takes one of these words; the page of settings lists them."""
    return Meta(description=description, extra_json_schema={"enum": list(choices)})


class DiffusersSettings(Struct, frozen=True):
    """Settings of one local diffusers engine. A value that none of them can have is refused at start."""

    device: Annotated[
        str,
        Meta(
            description="Where to compute: auto takes the fastest here; cpu, cuda (or rocm), xpu, mps, or "
            "one of several cards by its number, like cuda:1. One engine uses one device."
        ),
    ] = "auto"
    dtype: Annotated[
        str,
        _one_of(
            *_DTYPES,
            description="Numbers to compute with: auto takes float16 on cards and float32 on processors. "
            "Models that overflow in float16 (Flux, Stable Diffusion 3 and the like) take bfloat16 instead.",
        ),
    ] = "auto"
    memory_gib: Annotated[
        float,
        Meta(
            ge=0,
            description="GiB of loaded models, LoRAs and the like to keep; 0 is 70 % of a card's memory, or "
            "half of the machine's.",
        ),
    ] = 0.0
    offload: Annotated[
        str,
        _one_of(
            *_OFFLOADS,
            description="For small cards: parts brings text encoders and autoencoder to the card only while "
            "they are used; sequential brings every layer only while it runs, which is slow. Does nothing on "
            "a processor.",
        ),
    ] = "none"
    attention: Annotated[
        str,
        _one_of(
            *_ATTENTIONS,
            description="How attention is computed: auto as diffusers does; sdpa is PyTorch's fused form, "
            "math its plain one, sliced takes less memory and longer; flash and xformers need the packages "
            "flash-attn and xformers and a card.",
        ),
    ] = "auto"
    compile: Annotated[
        str,
        _one_of(
            *_SWITCH,
            description="Compile denoisers: faster after a minute of compiling for every new size of picture "
            "and batch; batches are filled up to 1, 2, 4, 8 or 16 lines for it.",
        ),
    ] = "off"
    channels_last: Annotated[
        bool, Meta(description="Lay convolutions' numbers out with the channels last; pays on some cards.")
    ] = False
    vae_slicing: Annotated[
        bool, Meta(description="Decode the pictures of a batch one after the other: takes less memory.")
    ] = False
    vae_tiling: Annotated[
        bool,
        Meta(
            description="Let the autoencoder work in overlapping tiles above its own size: takes less "
            "memory, and large pictures come out slightly different."
        ),
    ] = False
    threads: Annotated[
        int,
        Meta(
            ge=0, le=1024, description="Most processor threads of a forward; 0 is as many as PyTorch takes."
        ),
    ] = 0
    previews: Annotated[
        str,
        _one_of(
            *_PREVIEWS,
            description="How pictures are shown while they form: fast is one matrix product, decoder uses a "
            "small decoder (TAESD) where one lies in the models folder, none shows nothing.",
        ),
    ] = "fast"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(f"The setting {name} is {value!r}; it can be {', '.join(choices)}.")

"""Old formats and stale notes of models: Pickle2SafeTensor, WipeMetadata."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.catalog import Catalog
from hub.errors import HubError
from hub.wire import Nothing, api


class PickleIn(Struct, frozen=True):
    """Which models, and how exact."""

    type: Annotated[str, Meta(description="Kind of models, like Stable-Diffusion or LoRA.")]
    fp16: Annotated[bool, Meta(description="Whether numbers are kept with 16 bits.")]


class Wiped(Struct, frozen=True):
    """Done."""

    success: bool = True


@api("Pickle2SafeTensor", permission="pickle2safetensors", active=True)
async def pickle_to_safetensor(caller: Caller, given: PickleIn) -> Wiped:
    """Refuses, and tells why: old model files are pickles, which run programs when they are opened."""
    raise HubError(
        "This hub never opens .ckpt, .pt, .pth and .bin files: they are pickles, and opening one runs "
        "whatever program it holds. Most models can be had as .safetensors, which hold numbers only: "
        "download that version. Else convert the file on a machine with nothing to lose: load it with "
        "torch.load(path, weights_only=True), save its tensors with safetensors.torch.save_file, and put "
        "that file into the models folder.",
        field="type",
    )


@api("WipeMetadata", permission="reset_metadata", active=True)
async def wipe_metadata(caller: Caller, given: Nothing, catalog: Catalog) -> Wiped:
    """Throws away what is remembered of all models and reads their files anew.

    What users noted themselves lies in files and stays; the history of pictures is no cache and stays too.
    """
    await catalog.forget()
    return Wiped()

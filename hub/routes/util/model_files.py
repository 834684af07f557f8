"""Old formats and stale notes of models: Pickle2SafeTensor, WipeMetadata."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from backends.converting import NotConverted, convert
from hub.accounts import Caller
from hub.catalog import Catalog, Conversion
from hub.wire import Nothing, api


class PickleIn(Struct, frozen=True):
    """Which models, and how exact."""

    type: Annotated[str, Meta(description="Kind of models, like Stable-Diffusion or LoRA.")]
    fp16: Annotated[bool, Meta(description="Whether numbers are kept with 16 bits.")]


class PickleOut(Struct, frozen=True):
    """Done. Ours: names of the models `converted` and of those `skipped`, since they have a .safetensors
    version already; why others `failed`."""

    converted: list[str]
    skipped: list[str]
    failed: dict[str, str]
    success: bool = True


class Wiped(Struct, frozen=True):
    """Done."""

    success: bool = True


@api("Pickle2SafeTensor", permission="pickle2safetensors", active=True)
async def pickle_to_safetensor(caller: Caller, given: PickleIn, conversion: Conversion) -> PickleOut:
    """Write the .ckpt, .pt, .pth and .bin files of a kind of models anew as .safetensors beside them.

    Nothing that lies in such a file is run: only tensors and plain values are read, in a process of its own
    with bounds of time and memory. Files that hold more are left alone, each with the reason. The originals
    stay.
    """

    async def one(source: Path, target: Path) -> str | None:
        try:
            await convert(source, target, half=given.fp16)
        except NotConverted as why:
            return str(why)
        return None

    outcome = await conversion.run(given.type, caller, one)
    return PickleOut(outcome.converted, outcome.skipped, outcome.failed)


@api("WipeMetadata", permission="reset_metadata", active=True)
async def wipe_metadata(caller: Caller, given: Nothing, catalog: Catalog) -> Wiped:
    """Throws away what is remembered of all models and reads their files anew.

    What users noted themselves lies in files and stays; the history of pictures is no cache and stays too.
    """
    await catalog.forget()
    return Wiped()

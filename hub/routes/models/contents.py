"""What is in a model file: GetModelHeaders, GetModelHash."""

from typing import Annotated

from msgspec import Meta, Raw, Struct

from hub.accounts import Caller
from hub.catalog import Catalog, ModelFiles
from hub.wire import api

Subtype = Annotated[str, Meta(description="Kind of models, like Stable-Diffusion or LoRA.")]
Name = Annotated[str, Meta(description="Exact name; .safetensors may be left out.")]


class HeadersIn(Struct, frozen=True):
    """Which model."""

    model: Name
    subtype: Subtype = "Stable-Diffusion"


class HeadersOut(Struct, frozen=True):
    """The file's header as it is: tensors by name with type, shape and place, and `__metadata__`."""

    headers: Raw


class HashIn(Struct, frozen=True):
    """Which model."""

    modelName: Name
    subtype: Subtype = "Stable-Diffusion"


class HashOut(Struct, frozen=True):
    """`0x` and the SHA-256 of the tensor bytes alone, so that editing the metadata keeps it."""

    hash: str


@api("GetModelHeaders", permission="edit_model_metadata", active=True)
async def get_model_headers(
    caller: Caller, given: HeadersIn, catalog: Catalog, model_files: ModelFiles
) -> HeadersOut:
    """Shows the header of a safetensors file."""
    entry = catalog.exact(given.subtype, given.model, caller)
    return HeadersOut(await model_files.headers(entry))


@api("GetModelHash", permission="edit_model_metadata", active=True)
async def get_model_hash(caller: Caller, given: HashIn, catalog: Catalog, model_files: ModelFiles) -> HashOut:
    """Reads a whole model file and tells the hash of its tensors."""
    entry = catalog.exact(given.subtype, given.modelName, caller, field="modelName")
    return HashOut(await model_files.digest(entry))

"""Taking models away and giving them other names: DeleteModel, RenameModel."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller, References
from hub.catalog import Catalog, ModelFiles
from hub.params import Registry, renamed_in
from hub.wire import api

Subtype = Annotated[str, Meta(description="Kind of models, like Stable-Diffusion or LoRA.")]


class DeleteModelIn(Struct, frozen=True):
    """Which model."""

    modelName: Annotated[str, Meta(description="Exact name; .safetensors may be left out.")]
    subtype: Subtype = "Stable-Diffusion"


class RenameModelIn(Struct, frozen=True):
    """Which model, and what it is called from now on."""

    oldName: Annotated[str, Meta(description="Exact name; .safetensors may be left out.")]
    newName: Annotated[str, Meta(description="New name with `/` between folders; the ending stays.")]
    subtype: Subtype = "Stable-Diffusion"


class ModelDone(Struct, frozen=True):
    """Done."""

    success: bool = True


class ModelRenamed(Struct, frozen=True):
    """Done; `name` is the whole new name."""

    name: str
    success: bool = True


@api("DeleteModel", permission="delete_models")
async def delete_model(
    caller: Caller,
    given: DeleteModelIn,
    catalog: Catalog,
    model_files: ModelFiles,
    references: References,
    registry: Registry,
) -> ModelDone:
    """Deletes a model file with its notes and previews, and takes it from everybody's stars and links."""
    entry = catalog.exact(given.subtype, given.modelName, caller, field="modelName")
    await model_files.delete(entry)
    await references.moved(given.subtype, entry.name, None, _naming(registry, given.subtype))
    return ModelDone()


@api("RenameModel", permission="delete_models")
async def rename_model(
    caller: Caller,
    given: RenameModelIn,
    catalog: Catalog,
    model_files: ModelFiles,
    references: References,
    registry: Registry,
) -> ModelRenamed:
    """Renames a model file; notes, previews, everybody's stars, links and presets, and the tags of wildcards
    follow."""
    entry = catalog.exact(given.subtype, given.oldName, caller, field="oldName")
    name = await model_files.rename(entry, given.newName, caller)

    def retell(text: str) -> str:
        return renamed_in(text, given.subtype, entry.name, name)

    await references.moved(given.subtype, entry.name, name, _naming(registry, given.subtype), retell)
    for card in tuple(catalog.wildcards.all.values()):
        if (text := retell(card.raw)) != card.raw:
            await catalog.wildcards.edit(card.name, text, None, keep_picture=True)
    return ModelRenamed(name)


def _naming(registry: Registry, subtype: str) -> Mapping[str, bool]:
    """The parameters that name models of a subtype, True for those that hold several."""
    return {param.id: param.type == "list" for param in registry.params.values() if param.subtype == subtype}

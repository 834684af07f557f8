"""What models there are: ListModels, DescribeModel, ListLoadedModels."""

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from backends.pool import Pool
from hub.accounts import Caller
from hub.catalog import (
    Catalog,
    Entry,
    Wildcards,
    cards,
    list_folder,
    list_wildcards,
    none_card,
    wildcard_card,
)
from hub.errors import Forbidden
from hub.params import Registry
from hub.wire import Nothing, api

WILDCARDS = "Wildcards"
NO_MODEL = "(none)"
AT_ONCE = 200
"""More models than this are listed in a thread: 5000 take a tenth of a second."""

Subtype = Annotated[str, Meta(description="Kind of models, like Stable-Diffusion or LoRA.")]


class ListModelsIn(Struct, frozen=True):
    """Where to look, how deep, and in which order."""

    path: Annotated[str, Meta(description="Folder to look in; empty for all.")]
    depth: Annotated[int, Meta(description="How many folders deep to look, held to 1..20.")]
    subtype: Subtype = "Stable-Diffusion"
    sortBy: Annotated[str, Meta(description="Name, Title, DateCreated or DateModified.")] = "Name"
    allowRemote: Annotated[bool, Meta(description="Whether models of remote engines are listed too.")] = True
    sortReverse: Annotated[bool, Meta(description="Whether the order is turned round.")] = False
    dataImages: Annotated[
        bool, Meta(description="Whether previews come as data instead of as addresses.")
    ] = False


class ListModelsOut(Struct, frozen=True):
    """Folders relative to the path asked for, and the model objects (`name`, `raw` and `image` of
    wildcards)."""

    folders: list[str]
    files: list[dict[str, Any]]


class DescribeModelIn(Struct, frozen=True):
    """Which model."""

    modelName: Annotated[str, Meta(description="Exact name; .safetensors may be left out.")]
    subtype: Subtype = "Stable-Diffusion"


class DescribeModelOut(Struct, frozen=True, omit_defaults=True):
    """The model object; of a wildcard its name, the text of its file and its picture as data instead."""

    model: dict[str, Any] | UnsetType = UNSET
    name: str | UnsetType = UNSET
    raw: str | UnsetType = UNSET
    image: str | UnsetType = UNSET


class ModelsOut(Struct, frozen=True):
    """Model objects."""

    models: list[dict[str, Any]]


@api("ListModels", permission="fundamental_model_access")
async def list_models(
    caller: Caller,
    given: ListModelsIn,
    catalog: Catalog,
    wildcards: Wildcards,
    pool: Pool,
    registry: Registry,
) -> ListModelsOut:
    """Lists the models in a folder, as deep as asked, with what is known of each."""
    if given.subtype == WILDCARDS:
        demand_wildcards(caller)
        return await asyncio.to_thread(_list_wildcards, wildcards, given)
    entries = [e for e in catalog.seen_by(caller, given.subtype) if given.allowRemote or e.path is not None]
    loaded = _loaded(pool)
    if given.dataImages or len(entries) > AT_ONCE:
        listed = await asyncio.to_thread(_list, entries, given, loaded)
    else:
        listed = _list(entries, given, loaded)
    for model in listed.files:
        _tell_method(model, registry)
    return listed


@api("DescribeModel", permission="fundamental_model_access")
async def describe_model(
    caller: Caller,
    given: DescribeModelIn,
    catalog: Catalog,
    wildcards: Wildcards,
    pool: Pool,
    registry: Registry,
) -> DescribeModelOut:
    """Tells everything known of one model, its preview picture included; of a wildcard the bare object."""
    if given.subtype == WILDCARDS:
        demand_wildcards(caller)
        found = wildcards.exact(given.modelName, field="modelName")
        card = await asyncio.to_thread(wildcard_card, found)
        return DescribeModelOut(name=card.name, raw=card.raw, image=card.image)
    if given.modelName.strip().lower() == NO_MODEL:
        return DescribeModelOut(none_card())
    entry = catalog.exact(given.subtype, given.modelName, caller, field="modelName")
    (model,) = await asyncio.to_thread(cards, [entry], _loaded(pool), with_picture=True)
    _tell_method(model, registry)
    return DescribeModelOut(model)


@api("ListLoadedModels", permission="fundamental_model_access")
async def list_loaded_models(caller: Caller, given: Nothing, catalog: Catalog, pool: Pool) -> ModelsOut:
    """Lists the models that at least one engine has in memory."""
    loaded = _loaded(pool)
    entries = [entry for entry in catalog.seen_by(caller, "Stable-Diffusion") if entry.name in loaded]
    return ModelsOut(await asyncio.to_thread(cards, entries, loaded, with_picture=True))


def demand_wildcards(caller: Caller) -> None:
    """Raises Forbidden for who may not read wildcards."""
    if not caller.may("read_wildcards"):
        raise Forbidden("read_wildcards", "You may not read this server's wildcards.")


def _tell_method(model: dict[str, Any], registry: Registry) -> None:
    """Models of a class with samplers of its own are drawn with those: pages and hubs in front must know."""
    method = registry.pairs.of_class(model["architecture"] or "")
    wishes = model["defaults"]
    for name, usual in zip(("sampler", "scheduler"), method, strict=True):
        wishes[name] = wishes[name] or usual


def _list(entries: list[Entry], given: ListModelsIn, loaded: frozenset[str]) -> ListModelsOut:
    found = list_folder(
        entries, given.path, depth=given.depth, sort_by=given.sortBy, reverse=given.sortReverse
    )
    return ListModelsOut(list(found.folders), cards(found.entries, loaded, with_picture=given.dataImages))


def _list_wildcards(wildcards: Wildcards, given: ListModelsIn) -> ListModelsOut:
    folders, found = list_wildcards(
        wildcards.all.values(),
        given.path,
        depth=given.depth,
        sort_by=given.sortBy,
        reverse=given.sortReverse,
        with_pictures=given.dataImages,
    )
    return ListModelsOut(folders, [msgspec.to_builtins(card) for card in found])


def _loaded(pool: Pool) -> frozenset[str]:
    return frozenset(name for state in pool.states() for name in state.models)

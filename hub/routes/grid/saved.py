"""Stored set-ups of grids: GridGenSaveData, -GetData, -ListData, -DeleteData; and GridGenDoesExist."""

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.errors import BadInput, HubError
from hub.grids import Grids, SavedGrids
from hub.wire import Body, Nothing, api

NONE = "Could not find that Grid Generator save."
_HISTORY = "history/"
_Name = Annotated[
    str, Meta(description="Name of the set-up; `history/<folder>` for the one beside a grid's page.")
]


class FolderIn(Struct, frozen=True):
    """A grid's folder."""

    folderName: Annotated[str, Meta(description="Name of the folder below `Grids`.")]


class ExistsOut(Struct, frozen=True):
    """Whether there is a page of that grid."""

    exists: bool


class NameIn(Struct, frozen=True):
    """A stored set-up."""

    gridName: _Name


class SaveIn(Struct, frozen=True):
    """A set-up to store."""

    gridName: Annotated[str, Meta(description="Name of the set-up.")]
    isPublic: Annotated[bool, Meta(description="Whether everybody may read it.")]
    raw: Annotated[Body, Meta(description="`data`: the set-up, an object.")]


class SavedOut(Struct, frozen=True):
    """A stored set-up, as it was sent."""

    data: msgspec.Raw


class ListOut(Struct, frozen=True):
    """Names of stored set-ups, and of grids whose set-up lies beside their page."""

    data: list[str]
    history: list[str]


class Kept(Struct, frozen=True):
    """Done."""

    success: bool = True


@api("GridGenDoesExist", permission="view_image_history")
async def grid_gen_does_exist(caller: Caller, given: FolderIn, grids: Grids) -> ExistsOut:
    """Tell whether the caller has a grid of that name with a page."""
    return ExistsOut(await asyncio.to_thread(grids.exists, caller.user, given.folderName))


@api("GridGenSaveData", permission="gridgen_save_grids", active=True)
async def grid_gen_save_data(caller: Caller, given: SaveIn, saved: SavedGrids) -> Kept:
    """Store a set-up of a grid, for oneself or for everybody."""
    data: Any = given.raw.get("data")
    if not isinstance(data, dict):
        raise BadInput("Missing required parameter 'data'", field="data", limit="an object")
    await saved.put(caller, given.gridName, data, public=given.isPublic)
    return Kept()


@api("GridGenGetData", permission="gridgen_read_grids")
async def grid_gen_get_data(caller: Caller, given: NameIn, saved: SavedGrids, grids: Grids) -> SavedOut:
    """Read a stored set-up: the caller's own, else the public one of that name."""
    if given.gridName.startswith(_HISTORY):
        file = grids.history(caller.user, given.gridName.removeprefix(_HISTORY))
        if file is not None:
            return SavedOut(msgspec.Raw(await asyncio.to_thread(file.read_bytes)))
    elif (found := saved.get(caller, given.gridName)) is not None:
        return SavedOut(found)
    raise HubError(NONE, field="gridName")


@api("GridGenListData", permission="gridgen_read_grids")
async def grid_gen_list_data(caller: Caller, given: Nothing, saved: SavedGrids, grids: Grids) -> ListOut:
    """List the stored set-ups that the caller may read, and those beside his grids."""
    return ListOut(saved.names(caller), await asyncio.to_thread(grids.histories, caller.user))


@api("GridGenDeleteData", permission="gridgen_save_grids", active=True)
async def grid_gen_delete_data(caller: Caller, given: NameIn, saved: SavedGrids, grids: Grids) -> Kept:
    """Delete a stored set-up; of a grid's history only its set-up goes, the images stay."""
    if given.gridName.startswith(_HISTORY):
        file = grids.history(caller.user, given.gridName.removeprefix(_HISTORY))
        if file is not None:
            await asyncio.to_thread(file.unlink, missing_ok=True)
            return Kept()
    elif await saved.delete(caller, given.gridName):
        return Kept()
    raise HubError(NONE, field="gridName")

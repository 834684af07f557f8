"""The caller's finished images: list, star, delete (swarm-api §7)."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Accounts, Caller
from hub.errors import BadInput, HubError
from hub.media import Listing, Media, NoSuchFolder, NoSuchImage
from hub.wire import api

NO_FILE = "That file does not exist, cannot delete."
NO_STAR = "That file does not exist, cannot star."
NO_FOLDER = "404, path not found."


class ListImagesIn(Struct, frozen=True):
    """Which folder, how deep, in which order."""

    path: Annotated[str, Meta(description="Folder below the caller's outputs; empty: all of them.")]
    depth: Annotated[int, Meta(description="How many levels of folders are read.")]
    sortBy: Annotated[str, Meta(description="Name or Date.")] = "Name"
    sortReverse: Annotated[bool, Meta(description="Oldest or lowest first.")] = False


class PathIn(Struct, frozen=True):
    """One image."""

    path: Annotated[str, Meta(description="Path below the caller's outputs.", max_length=4096)]


class StarOut(Struct, frozen=True):
    """Whether the image is starred now."""

    new_state: bool


@api("ListImages", permission="view_image_history")
async def list_images(caller: Caller, given: ListImagesIn, media: Media, accounts: Accounts) -> Listing:
    """List the caller's images and folders below a folder.

    Newest name first; folders at the deepest level are named but not read.
    """
    if given.sortBy not in ("Name", "Date"):
        raise BadInput(f"Invalid sort mode '{given.sortBy[:40]}'.", field="sortBy", limit=["Name", "Date"])
    value = accounts.preferences.value
    try:
        return await media.gallery.browse(
            caller.user,
            given.path,
            given.depth,
            by_date=given.sortBy == "Date",
            reverse=given.sortReverse,
            most=int(str(value(caller.user, "maximagesinhistory"))),
            most_scanned=int(str(value(caller.user, "maximagesscannedinhistory"))),
        )
    except NoSuchFolder as missing:
        raise HubError(NO_FOLDER, field="path") from missing


@api("ToggleImageStarred", permission="user_star_images", active=True)
async def toggle_image_starred(caller: Caller, given: PathIn, media: Media) -> StarOut:
    """Star an image by a copy under `Starred/`, or take the star back."""
    try:
        return StarOut(await media.gallery.toggle_star(caller.user, given.path))
    except NoSuchImage as missing:
        raise HubError(NO_STAR, field="path") from missing


@api("DeleteImage", permission="user_delete_image", active=True)
async def delete_image(caller: Caller, given: PathIn, media: Media) -> dict[str, bool]:
    """Delete an image of the caller, with the files beside it and its place in the history."""
    try:
        await media.gallery.delete(caller.user, given.path)
    except NoSuchImage as missing:
        raise HubError(NO_FILE, field="path") from missing
    except OSError as trouble:
        raise HubError(f"The file could not be deleted: {trouble.strerror}.", field="path") from trouble
    return {"success": True}

"""OpenImageFolder: a window on the user's outputs, for whoever sits at the machine the hub runs on."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.errors import HubError
from hub.media import Media, NoFileManager, NoSuchFolder, show_folder
from hub.wire import Door, api

NO_FOLDER = "That path does not exist, cannot open."
ELSEWHERE = "Folders can only be opened from a page on the machine the hub runs on."


class OpenFolderIn(Struct, frozen=True):
    """Which folder."""

    path: Annotated[
        str, Meta(description="An image or folder below the caller's outputs; empty: all.", max_length=4096)
    ]


@api("OpenImageFolder", permission="local_image_folder", active=True)
async def open_image_folder(caller: Caller, given: OpenFolderIn, door: Door, media: Media) -> dict[str, bool]:
    """Open the folder of an image in the file manager, for callers on the hub's own machine."""
    if not door.is_loopback:
        raise HubError(ELSEWHERE, field="path")
    try:
        await show_folder(media.gallery.folder(caller.user, given.path))
    except NoSuchFolder as missing:
        raise HubError(NO_FOLDER, field="path") from missing
    except NoFileManager as none:
        raise HubError(f"This machine cannot show a folder: {none}.", reason=str(none)) from none
    return {"success": True}

"""What Civitai tells of a model: ForwardMetadataRequest. Its answers may not be read by pages of others."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.downloads import Downloads
from hub.errors import BadInput
from hub.outside import read_place
from hub.wire import api


class ForwardIn(Struct, frozen=True):
    """What to ask."""

    url: Annotated[str, Meta(description="An address of Civitai that answers with JSON.")]


class ForwardOut(Struct, frozen=True):
    """What was answered."""

    response: Any


@api("ForwardMetadataRequest", permission="edit_model_metadata")
async def forward_metadata_request(caller: Caller, given: ForwardIn, downloads: Downloads) -> ForwardOut:
    """Asks Civitai for JSON, with the caller's own key for it where one is stored."""
    place = downloads.sites.at_civitai(read_place(given.url))
    if place is None:
        raise BadInput(
            "Only addresses of Civitai are asked.", field="url", limit=downloads.sites.civitai.host
        )
    return ForwardOut(await downloads.sites.json(place, caller.user))

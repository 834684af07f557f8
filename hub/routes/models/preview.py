"""The preview pictures of models, at the address their lists give (swarm-api §8)."""

import asyncio
from typing import Any

from litestar import Request, get
from litestar.params import FromPath
from litestar.types import ASGIApp

from hub.catalog import Catalog, Wildcards, picture_of, preview_of
from hub.errors import Forbidden, HubError
from hub.wire import Answer, room_of, visitor_of


@get(
    "/ViewSpecial/{subtype:str}/{name:path}",
    opt={"permission": "fundamental_model_access"},
    status_code=200,
    include_in_schema=False,
)
async def show_model_preview(
    request: Request[Any, Any, Any], subtype: FromPath[str], name: FromPath[str]
) -> ASGIApp:
    """The preview picture of a model the caller may see."""
    try:
        found = await _picture(request, subtype, str(name).lstrip("/"))
    except HubError as unknown:
        raise HubError(unknown.text, error_id="file_not_found", status=404, **unknown.extra) from unknown
    if found is None:
        raise HubError("That model has no preview picture.", error_id="file_not_found", status=404)
    data, media = found
    headers = [
        (b"content-type", media.encode()),
        (b"content-length", b"%d" % len(data)),
        (b"cache-control", b"private, max-age=86400"),  # the address changes with the model's files
        (b"x-content-type-options", b"nosniff"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]
    return Answer(200, data, headers)


async def _picture(request: Request[Any, Any, Any], subtype: str, name: str) -> tuple[bytes, str] | None:
    """The picture and its media type. Raises HubError for a model the caller does not see."""
    if subtype == "Wildcards":
        if not visitor_of(request).may("read_wildcards"):
            raise Forbidden("read_wildcards", "You may not read this server's wildcards.")
        picture = await asyncio.to_thread(picture_of, room_of(request, Wildcards).exact(name, field="name"))
        return None if picture is None else (picture, "image/jpeg")
    entry = room_of(request, Catalog).exact(subtype, name, visitor_of(request))
    return await asyncio.to_thread(preview_of, entry)

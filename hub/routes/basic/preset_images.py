"""The pictures of presets, at the address their lists give."""

from typing import Any

from litestar import Request, get
from litestar.params import FromPath
from litestar.types import ASGIApp

from hub.accounts import Presets
from hub.errors import HubError
from hub.wire import Answer, room_of, visitor_of


@get(
    "/ViewSpecial/Preset/{title:path}",
    opt={"permission": "fundamental_generate_tab_access"},
    status_code=200,
    include_in_schema=False,
)
async def show_preset_image(request: Request[Any, Any, Any], title: FromPath[str]) -> ASGIApp:
    """The JPEG picture of one of the caller's own presets."""
    data = room_of(request, Presets).preview(visitor_of(request).user, str(title).lstrip("/"))
    if data is None:
        raise HubError("That preset has no picture.", error_id="file_not_found", status=404)
    headers = [
        (b"content-type", b"image/jpeg"),
        (b"content-length", b"%d" % len(data)),
        (b"cache-control", b"private, max-age=86400"),  # the address changes with the picture
        (b"x-content-type-options", b"nosniff"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]
    return Answer(200, data, headers)

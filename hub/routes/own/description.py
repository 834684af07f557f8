"""The OpenAPI description of every route, for readers and generators."""

from typing import Any

from litestar import Request, get
from litestar.types import ASGIApp

from hub import __version__
from hub.wire.answers import encode, json_answer
from hub.wire.describe import openapi
from hub.wire.handlers import room_of
from hub.wire.switchboard import Switchboard


@get("/schema/openapi.json", opt={"permission": None}, status_code=200, include_in_schema=False)
async def show_openapi(request: Request[Any, Any, Any]) -> ASGIApp:
    """Every route with its input, answer and permission; needs no session."""
    return json_answer(encode(openapi(room_of(request, Switchboard).routes, __version__)))

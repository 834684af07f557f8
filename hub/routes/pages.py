"""What a browser opens: the built page, its files, and the error pages SwarmUI's clients are sent to."""

import json
import os
from pathlib import Path
from typing import Any, Final

from litestar import Request, get
from litestar.types import ASGIApp

from hub.media import placeholder
from hub.wire import Answer, Files, html_answer, redirect, simple_page

STATIC: Final = Path(__file__).parent.parent / "static"
"""Where the page is built to."""

PROBLEM: Final = "HUB_PAGE_PROBLEM"
"""Environment variable in which the launcher says why there is no page."""

PUBLIC: Final = {"permission": None}
_FILES: Final = Files(STATIC)

ERRORS: Final = {
    "404": (404, "Page not found", "There is nothing at this address."),
    "BasicAPI": (400, "API error", "This API call could not be understood. The answer to the call says why."),
    "Internal": (500, "Internal error", "Something broke inside the hub. Its log tells more."),
    "NoGetAPI": (
        405,
        "API calls are sent with POST",
        "This address is part of the API: send it a POST request with a JSON body.",
    ),
    "Permissions": (
        403,
        "Not allowed",
        "Your account lacks the permission for this page. Ask the owner for it.",
    ),
}


@get("/", opt=PUBLIC, status_code=200, include_in_schema=False)
async def show_page(request: Request[Any, Any, Any]) -> ASGIApp:
    """The page, or what is missing for it."""
    answer = await _FILES.answer("index.html", request.scope)
    return answer if answer is not None else html_answer(_missing_page())


@get(["/Text2Image", "/Generate"], opt=PUBLIC, status_code=200, include_in_schema=False)
async def show_text2image(request: Request[Any, Any, Any]) -> ASGIApp:
    """SwarmUI's address of the page."""
    return redirect("./")


@get("/{name:str}", opt=PUBLIC, status_code=200, include_in_schema=False)
async def show_named_page(request: Request[Any, Any, Any]) -> ASGIApp:
    """The page again under one of its own addresses, like `/queue`: it shows what the address names."""
    answer = None
    if request.path_params["name"] in _page_names():
        answer = await _FILES.answer("index.html", request.scope)
    return answer if answer is not None else redirect("/Error/404")


@get("/assets/{name:path}", opt=PUBLIC, status_code=200, include_in_schema=False)
async def show_asset(request: Request[Any, Any, Any]) -> ASGIApp:
    """A file of the built page."""
    answer = await _FILES.answer(request.scope["path"].lstrip("/"), request.scope)
    return answer if answer is not None else redirect("/Error/404")


@get("/favicon.ico", opt=PUBLIC, status_code=200, include_in_schema=False)
async def show_icon(request: Request[Any, Any, Any]) -> ASGIApp:
    """The icon for those who ask at the old place."""
    answer = await _FILES.answer("assets/icon.svg", request.scope)
    return answer if answer is not None else redirect("/Error/404")


@get("/imgs/model_placeholder.jpg", opt=PUBLIC, status_code=200, include_in_schema=False)
async def show_placeholder(request: Request[Any, Any, Any]) -> ASGIApp:
    """The picture that lists name for models and presets without one (swarm-api §6, §8)."""
    picture = placeholder()
    headers = [
        (b"content-type", b"image/jpeg"),
        (b"content-length", b"%d" % len(picture)),
        (b"cache-control", b"public, max-age=86400"),
        (b"x-content-type-options", b"nosniff"),
    ]
    return Answer(200, picture, headers)


@get("/Error/{name:str}", opt=PUBLIC, status_code=200, include_in_schema=False)
async def show_error(request: Request[Any, Any, Any]) -> ASGIApp:
    """One of the error pages, by SwarmUI's names in any letter case."""
    known = {word.lower(): page for word, page in ERRORS.items()}
    status, title, text = known.get(request.path_params["name"].lower(), ERRORS["404"])
    return html_answer(simple_page(title, text, home="../"), status)


def _page_names() -> list[str]:
    """The addresses the page was built with; a line of JSON beside it."""
    try:
        names: list[str] = json.loads((STATIC / "pages.json").read_bytes())
    except (OSError, ValueError):
        return []
    return names


def _missing_page() -> str:
    problem = os.environ.get(PROBLEM, "")
    why = (
        problem
        or "The web page has not been built yet. Start the hub with `python launch.py`, which builds it."
    )
    text = "The hub runs and its API answers, but its web page is missing."
    return simple_page("Generation Hub", text, why)

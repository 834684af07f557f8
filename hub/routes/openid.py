"""Signing in elsewhere: the way to an OpenID Connect issuer and back (`/OpenID/<issuer>`), for browsers."""

from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from litestar import Request, get
from litestar.types import ASGIApp

from hub.accounts import COOKIE, COOKIE_SECONDS, Accounts, Guesses
from hub.errors import HubError
from hub.openid import FLOW_SECONDS, OpenID, SignedIn, flow_cookie
from hub.wire import Answer, Door, Headers, html_answer, redirect, room_of, simple_page

PUBLIC: Final = {"permission": None}
MOST_FIELDS: Final = 50


@get("/OpenID/{name:str}", opt=PUBLIC, status_code=200, include_in_schema=False)
async def set_out(request: Request[Any, Any, Any]) -> ASGIApp:
    """Send the browser to the issuer; `return` is where it shall end up here."""
    door, name = Door(request.scope), str(request.path_params["name"]).lower()
    try:
        departure = await room_of(request, OpenID).set_out(
            name,
            back=_query(request).get("return", ""),
            redirect=door.external(f"/OpenID/{name}/back"),
            peer=door.peer,
        )
    except HubError as refusal:
        return html_answer(simple_page("Not signed in", refusal.text, home="../"), refusal.status)
    door.set_cookie(departure.cookie, departure.value, max_age=FLOW_SECONDS)
    return _sent_on(departure.address, door.answers)


@get("/OpenID/{name:str}/back", opt=PUBLIC, status_code=200, include_in_schema=False)
async def come_back(request: Request[Any, Any, Any]) -> ASGIApp:
    """Take the browser in again: signed in, or to the choice of a name, or with the reason why not."""
    door, name, query = Door(request.scope), str(request.path_params["name"]).lower(), _query(request)
    guesses = room_of(request, Accounts).guesses
    try:
        guesses.found(door.peer, door.is_loopback, "")
        found = await room_of(request, OpenID).come_back(
            name, query, door.cookies, address=door.address, user_agent=door.headers.get("user-agent", "")
        )
    except HubError as wrong:
        refusal = _counted(guesses, door, wrong)
        door.drop_cookie(flow_cookie(query.get("state", "")))
        page = html_answer(simple_page("Not signed in", refusal.text, home="../../"), refusal.status)
        page.headers += door.answers
        return page
    if isinstance(found, SignedIn):
        door.drop_cookie(flow_cookie(query.get("state", "")))
        door.set_cookie(COOKIE, found.token, max_age=COOKIE_SECONDS)
        return _sent_on(found.back, door.answers)
    # Behind the #, so that no server and no log ever sees the word.
    told = urlencode({"register": found.key, "type": name, "email": found.who.email})
    return _sent_on(f"/#{told}", door.answers)


def _counted(guesses: Guesses, door: Door, refusal: HubError) -> HubError:
    """The refusal, or that there were too many of them from there."""
    try:
        guesses.missed(door.peer, door.is_loopback)
    except HubError as too_many:
        return too_many
    return refusal


def _query(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The query's fields; of one that is there twice neither counts."""
    text = request.scope["query_string"].decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}


def _sent_on(place: str, answers: Headers) -> Answer:
    answer = redirect(place)
    answer.headers += [*answers, (b"referrer-policy", b"no-referrer")]
    return answer

"""`/View/<user>/<path>` and the older `/Output/<path>`: files, with ranges and ownership (swarm-api §7)."""

import asyncio
from typing import Any, Final

from litestar import Request, get
from litestar.params import FromPath
from litestar.types import ASGIApp

from hub.accounts import Caller, clean_name
from hub.errors import HubError
from hub.grids import POLICY, is_page
from hub.media import (
    Media,
    NoSuchRange,
    OutsideOutputs,
    Served,
    disposition,
    find_file,
    read_part,
    read_range,
)
from hub.wire import Answer, Headers, error_answer, header, room_of, visitor_of

OPEN: Final = {"permission": "fundamental"}
CHUNK: Final = 1 << 20
_OF_FILES: Final = (b"content-security-policy", b"content-disposition")


@get("/View/{place:path}", opt=OPEN, status_code=200, include_in_schema=False)
async def view(request: Request[Any, Any, Any], place: FromPath[str]) -> ASGIApp:
    """A file of a user: one's own, or with `view_others_outputs` anybody's."""
    user, _, path = str(place).lstrip("/").partition("/")
    if not user or clean_name(user) != user:
        return _refuse(400, "invalid_user", "There is no user of that name.")
    return await _answer(request, visitor_of(request), user, path)


@get("/Output/{place:path}", opt=OPEN, status_code=200, include_in_schema=False)
async def view_own(request: Request[Any, Any, Any], place: FromPath[str]) -> ASGIApp:
    """A file of one's own, by SwarmUI's older address."""
    caller = visitor_of(request)
    return await _answer(request, caller, caller.user, str(place).lstrip("/"))


async def _answer(request: Request[Any, Any, Any], caller: Caller, user: str, path: str) -> ASGIApp:
    media = room_of(request, Media)
    own = user == caller.user and media.gallery.owns(user, path)
    if not own and not caller.may("view_others_outputs"):
        return _refuse(
            400, "unauthorized", "You may not see the outputs of other users.", "view_others_outputs"
        )
    try:
        served = find_file(media.outputs, user, path)
    except OutsideOutputs:
        return _refuse(400, "bad_path", "That path leads out of the user's outputs.")
    if served is None:
        await media.gallery.missed(user, path)
        return _refuse(404, "file_not_found", "There is no such file.")
    scope: Any = request.scope
    headers = _page_headers(served) if is_page(path) else _headers(served)
    if served.etag.encode() in (header(scope, b"if-none-match") or b""):
        return Answer(304, b"", headers)
    try:
        if _flag(request, "preview"):
            small = await media.thumbs.of(served.file)
            if small is not None:
                headers = [pair for pair in headers if pair[0] not in (b"content-type", b"accept-ranges")]
                headers += [(b"content-type", b"image/jpeg"), (b"content-length", b"%d" % len(small))]
                return Answer(200, small, headers)
        return await _send(served, headers, header(scope, b"range"))
    except OSError:
        return _refuse(500, "file_error", "The file could not be read. The server log may tell more.")


async def _send(served: Served, headers: Headers, asked: bytes | None) -> ASGIApp:
    try:
        part = read_range(asked.decode("latin-1") if asked else None, served.size)
    except NoSuchRange:
        return Answer(416, b"", [*headers, (b"content-range", b"bytes */%d" % served.size)])
    start, end = part or (0, served.size - 1)
    length = end - start + 1
    headers = [*headers, (b"content-length", b"%d" % length)]
    if part is not None:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (start, end, served.size)))
    status = 200 if part is None else 206
    if length <= CHUNK:
        return Answer(status, await asyncio.to_thread(read_part, served.file, start, length), headers)
    return Streamed(served, status, headers, start, length)


class Streamed:
    """A large file, sent piece by piece so that it never lies in memory whole."""

    def __init__(self, served: Served, status: int, headers: Headers, start: int, length: int) -> None:
        self._served = served
        self._status = status
        self._headers = headers
        self._start = start
        self._length = length

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        at, left = self._start, self._length if scope["method"] != "HEAD" else 0
        while left > 0:
            body = await asyncio.to_thread(read_part, self._served.file, at, min(CHUNK, left))
            if not body:
                break
            at, left = at + len(body), left - len(body)
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _headers(served: Served) -> Headers:
    charset = "; charset=utf-8" if served.kind.startswith("text/") else ""
    return [
        (b"content-type", f"{served.kind}{charset}".encode()),
        (b"cache-control", b"private, max-age=%d" % served.seconds),
        (b"etag", served.etag.encode()),
        (b"accept-ranges", b"bytes"),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"default-src 'none'; sandbox; style-src 'unsafe-inline'"),
        (b"content-disposition", disposition(served.file.name, inline=served.inline).encode()),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]


def _page_headers(served: Served) -> Headers:
    """A grid's page is shown in place: only our own script runs in it, whatever the file has become."""
    headers = [pair for pair in _headers(served) if pair[0] not in _OF_FILES]
    place = disposition(served.file.name, inline=True).encode()
    return [*headers, (b"content-security-policy", POLICY.encode()), (b"content-disposition", place)]


def _flag(request: Request[Any, Any, Any], name: str) -> bool:
    return str(request.query_params.get(name, "")).lower() == "true"


def _refuse(status: int, error_id: str, text: str, permission: str | None = None) -> ASGIApp:
    extra = {"permission": permission} if permission else {}
    return error_answer(HubError(text, error_id=error_id, status=status, **extra))

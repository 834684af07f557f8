"""What of a direct call's headers goes on, in both directions. Pure.

Nothing that tells who our user is reaches the other server, and nothing of the other server's answer may set
our cookies or open our answers to other sites.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from hub.errors import HubError
from hub.wire import Headers

MOUNT = "/ComfyBackendDirect"

_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_KEPT_BACK = _HOP | {
    b"host",
    b"cookie",
    b"authorization",
    b"origin",  # ComfyUI refuses an origin other than its own host
    b"referer",
    b"forwarded",
    b"x-session-id",
}
_LAYERS = 8
_OWN_PAGES = (None, b"same-origin", b"none")
_STEP = re.compile(r"(?:^|[/\\])\.{1,2}(?:$|[/\\?;])")
_PROMPT = re.compile(r"/(?:api/+)?prompt(?:$|[/?;])", re.IGNORECASE)
_NOT_RETURNED = _HOP | {b"set-cookie", b"server", b"date", b"strict-transport-security", b"location"}


def onward(headers: Iterable[tuple[bytes, bytes]], own: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """The headers for the other server: the caller's harmless ones, and those that the server needs."""
    kept = [
        (name, value)
        for name, value in headers
        if name not in _KEPT_BACK and not name.startswith((b"sec-", b"x-forwarded-"))
    ]
    return kept + [(name.encode("latin-1"), value.encode("latin-1")) for name, value in own.items()]


def homeward(headers: Iterable[tuple[bytes, bytes]], *, fresh: bool) -> Headers:
    """The headers for our caller; with `fresh` nothing may be kept."""
    kept: Headers = []
    for key, value in headers:
        name = key.lower()
        if name == b"location" and value.startswith(b"/") and not value.startswith(b"//"):
            kept.append((name, MOUNT.encode() + value))
        elif name not in _NOT_RETURNED and not name.startswith(b"access-control-"):
            kept.append((name, value))
    if fresh:
        kept = [pair for pair in kept if pair[0] != b"cache-control"]
        kept.append((b"cache-control", b"no-store"))
    return kept


def is_foreign(origin_refusal: str | None, site: bytes | None) -> bool:
    """Whether a browser says that another page makes this call, by what `Origin` came to or by
    `Sec-Fetch-Site`.

    `same-site` is another port of this host: its pictures and links carry our cookie and no Origin.
    """
    return origin_refusal is not None or site not in _OWN_PAGES


def target(raw_path: bytes, query: bytes) -> str:
    """The address below the other server's root, as the caller spelled it: an encoded `/` in a file's name
    must stay encoded. Raises HubError for one that steps aside or up (`..`), however it is spelled.
    """
    text = raw_path.partition(b"?")[0].decode("latin-1")
    at = text.lower().find(MOUNT.lower())
    path = text[at + len(MOUNT) :] if at >= 0 else text
    if _STEP.search(_plain(path)):
        text = "The address may not have the parts . and .. in it."
        raise HubError(text, error_id="bad_path", status=400, field="path")
    asked = query.decode("latin-1")
    return "/" + path.lstrip("/") + (f"?{asked}" if asked else "")


def is_prompt(path: str, method: str) -> bool:
    """Whether this call starts a generation there, as any server on the way might read its address."""
    return method.upper() == "POST" and bool(_PROMPT.match("/" + _plain(path).lstrip("/")))


def _plain(path: str) -> str:
    """A path with every layer of percent-encoding taken off."""
    for _ in range(_LAYERS):
        inner = unquote(path, "latin-1")
        if inner == path:
            break
        path = inner
    return path

"""What every answer carries on its way out, whoever made it: the browser's safeguards, CORS, the base path.

The one place for it, so that no route can forget it (ASVS 5.0 3.4: browser security headers).
"""

from typing import Any, Final

from hub.settings import Network
from hub.wire.address import Place
from hub.wire.answers import Headers
from hub.wire.arrival import arrival_of
from hub.wire.door import Gatekeeper, header

SAFE: Final[Headers] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
"""What an answer gets that does not say otherwise itself."""

DATA_POLICY: Final = b"default-src 'none'; frame-ancestors 'none'"
"""For answers that are no page: shown as one all the same, they may do nothing."""
PAGE_POLICY: Final = b"frame-ancestors 'self'"
_DATA: Final = (b"application/json", b"text/plain")
MAX_AGE: Final = b"3600"


class Outgoing:
    """The last hand on every answer of a hub."""

    def __init__(self, network: Network, place: Place, gate: Gatekeeper) -> None:
        self._base = place.base.encode()
        self._gate = gate
        self._varies = bool(network.allow_origins)
        self._hsts = b"max-age=%d" % network.hsts_seconds if network.hsts_seconds else b""

    def __call__(self, scope: Any, send: Any) -> Any:
        """The `send` for a request's answer."""
        further: Headers = []
        if self._hsts and arrival_of(scope).scheme == "https":
            further.append((b"strict-transport-security", self._hsts))
        if self._varies:
            further.append((b"vary", b"Origin"))
            origin = header(scope, b"origin")
            if origin is not None and self._gate.may_read(origin):
                further.append((b"access-control-allow-origin", origin))
                further.append((b"access-control-expose-headers", b"retry-after"))

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": self._complete(message.get("headers", ())) + further}
            await send(message)

        return sending

    def _complete(self, given: Any) -> Headers:
        headers: Headers = list(given)
        found = dict(headers)
        headers += [pair for pair in SAFE if pair[0] not in found]
        if b"content-security-policy" not in found:
            data = found.get(b"content-type", b"application/json").startswith(_DATA)
            headers.append((b"content-security-policy", DATA_POLICY if data else PAGE_POLICY))
        place = found.get(b"location", b"")
        if self._base and place.startswith(b"/") and not place.startswith(b"//"):
            headers = [pair for pair in headers if pair[0] != b"location"]
            headers.append((b"location", self._base + place))
        return headers


def preflight(scope: Any) -> Headers:
    """What a page of an allowed origin is told before it calls (Fetch standard, CORS-preflight).

    Never `allow-credentials`: such a page proves who it acts for by a session id or a token, a browser's
    cookies stay with our own page.
    """
    told: Headers = [
        (b"access-control-allow-methods", b"GET, HEAD, POST"),
        (b"access-control-allow-headers", b"content-type, authorization, x-session-id, *"),
        (b"access-control-max-age", MAX_AGE),
    ]
    if header(scope, b"access-control-request-private-network") == b"true":
        told.append((b"access-control-allow-private-network", b"true"))
    return told

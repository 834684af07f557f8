"""Who may knock: host names, origins, and what a route may know of the connection it answers."""

import ipaddress
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from hub.settings import Network
from hub.wire.address import Place, checked_origins
from hub.wire.answers import Headers
from hub.wire.arrival import Arrival, arrival_of

LOCAL_NAMES = frozenset({"localhost", "localhost."})
PLACE = "hub.place"
"""Scope key of the hub's Place."""
REMEMBERED = 512
"""Host and origin verdicts kept; more distinct ones are simply judged again."""


class Gatekeeper:
    """Judges the Host and Origin headers of a request; verdicts on repeated headers are remembered.

    A page on a hostile name that resolves to loopback sends that name as Host (DNS rebinding), and a page
    on another port of this machine sends our cookies along: the first is stopped by `host_refusal`, the
    second by `origin_refusal`.
    """

    def __init__(self, network: Network) -> None:
        self.learn(network)

    def learn(self, network: Network) -> None:
        """Judge by these settings from now on."""
        self._names = LOCAL_NAMES | {name.lower() for name in network.hosts}
        external = urlsplit(network.external_url)
        if external.hostname:
            self._names |= {external.hostname}
        self._readers = checked_origins(network.allow_origins)
        self._allowed = set(self._readers)
        if network.external_url:
            self._allowed.add(f"{external.scheme}://{external.netloc}".lower())
        self._good_hosts: set[bytes] = set()
        self._good_origins: set[tuple[bytes, bytes]] = set()

    def host_refusal(self, host: bytes | None) -> str | None:
        """Why this Host header is refused, None when it is fine."""
        if host in self._good_hosts:
            return None
        name = host_name(host.decode("latin-1")) if host else ""
        if not name:
            return "The request has no usable Host header."
        if name not in self._names and not _is_address(name):
            return (
                f"This hub does not answer to the name '{name[:80]}'. Open it by IP address or as localhost, "
                f"or add the name to the setting network.hosts (environment: HUB_NETWORK_HOSTS={name[:80]})."
            )
        if host is not None and len(self._good_hosts) < REMEMBERED:
            self._good_hosts.add(host)
        return None

    def origin_refusal(
        self, origin: bytes | None, host: bytes | None, site: bytes | None = None
    ) -> str | None:
        """Why a page of this origin may not call us, None when it may.

        No Origin means no browser page, unless the browser says by Sec-Fetch-Site (`site`) that another site
        sent it, or another port of this one.
        """
        if origin is None:
            if site in (b"cross-site", b"same-site"):
                return (
                    "A page of another site sent this, and its browser does not say which. "
                    "Open the hub's own page, or send the call from a program."
                )
            return None
        if (origin, host or b"") in self._good_origins:
            return None
        text = origin.decode("latin-1").lower()
        if text.rstrip("/") not in self._allowed and not _same_place(
            text, (host or b"").decode("latin-1").lower()
        ):
            return (
                f"Pages of '{text[:80]}' may not call this hub. "
                "Add that origin to the setting network.allow_origins if you trust it."
            )
        if len(self._good_origins) < REMEMBERED:
            self._good_origins.add((origin, host or b""))
        return None

    def may_read(self, origin: bytes) -> bool:
        """Whether answers carry a CORS header for this origin: only configured ones do."""
        return origin.decode("latin-1").lower() in self._readers


def host_name(host: str) -> str:
    """The lower-case name or address of a Host header, without port and brackets; "" when malformed."""
    if any(letter in host for letter in "/\\@?# \t,"):
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same_place(origin: str, host: str) -> bool:
    """Whether an origin is the very host and port the request went to; default ports may be left out."""
    scheme, _, place = origin.partition("://")
    default = {"http": ":80", "https": ":443"}.get(scheme)
    return default is not None and bool(host) and host.removesuffix(default) == place.removesuffix(default)


def is_loopback(address: str) -> bool:
    """Whether an address or name is this machine's own."""
    if address.lower() in LOCAL_NAMES:
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def header(scope: Any, name: bytes) -> bytes | None:
    """The first header of that lower-case name."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


class Door:
    """The connection a call came through, for the few routes that need it (sessions, sign-in)."""

    __slots__ = ("_cookies", "_headers", "_scope", "answers")

    def __init__(self, scope: Any) -> None:
        self._scope = scope
        self._headers: dict[str, str] | None = None
        self._cookies: dict[str, str] | None = None
        self.answers: Headers = []
        """Headers that go out with the answer; `set_cookie` adds to them."""

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers by lower-case name; repeated ones are joined with a comma."""
        if self._headers is None:
            found: dict[str, str] = {}
            for key, value in self._scope["headers"]:
                name, text = key.decode("latin-1"), value.decode("latin-1")
                found[name] = f"{found[name]}, {text}" if name in found else text
            self._headers = found
        return self._headers

    @property
    def cookies(self) -> dict[str, str]:
        """The request's cookies. Cookies ignore ports, so neighbours on this machine leave odd ones: a strict
        parser would stop at the first of them and lose ours."""
        if self._cookies is None:
            found: dict[str, str] = {}
            lines = [value.decode("latin-1") for key, value in self._scope["headers"] if key == b"cookie"]
            for part in ";".join(lines).split(";"):
                name, _, value = part.strip().partition("=")
                found.setdefault(name, value.strip('"'))
            self._cookies = found
        return self._cookies

    @property
    def arrival(self) -> Arrival:
        """How the request came."""
        return arrival_of(self._scope)

    @property
    def peer(self) -> str:
        """The bare address of who asks, as far as believed proxies tell: what tries are counted by."""
        return self.arrival.client

    @property
    def address(self) -> str:
        """The client's text: its address and up to three more that somebody claims as ` (via x)`
        (swarm-api §1.4)."""
        arrival = self.arrival
        return arrival.client + "".join(f" (via {via})" for via in arrival.vias)

    @property
    def is_loopback(self) -> bool:
        """Whether the caller sits on this machine and nothing stands between: no proxy, believed or not."""
        arrival = self.arrival
        return arrival.direct and is_loopback(arrival.client)

    @property
    def is_secure(self) -> bool:
        """Whether the connection is encrypted, as far as a believed proxy tells."""
        return self.arrival.scheme in {"https", "wss"}

    def external(self, path: str) -> str:
        """One of our paths (with its leading slash) as a whole address that the caller's browser can open:
        the setting network.external_url, else the Host and scheme it came by, and the base path."""
        host = (self.arrival.host or b"").decode("latin-1")
        return self._place.address(path, "https" if self.is_secure else "http", host)

    @property
    def _place(self) -> Place:
        place: Place | None = self._scope.get(PLACE)
        return place or Place(Network())

    def set_cookie(self, name: str, value: str, *, max_age: int, http_only: bool = True) -> None:
        """Send a cookie along, for our base path: SameSite=Lax, Secure on an encrypted connection; `max_age`
        in seconds."""
        parts = [f"{name}={value}", f"Path={self._place.base or '/'}", f"Max-Age={max_age}", "SameSite=Lax"]
        if http_only:
            parts.append("HttpOnly")
        if self.is_secure:
            parts.append("Secure")
        self.answers.append((b"set-cookie", "; ".join(parts).encode("latin-1")))

    def drop_cookie(self, name: str) -> None:
        """Make the browser forget a cookie."""
        self.set_cookie(name, "", max_age=0)


def all_loopback(addresses: Collection[str]) -> bool:
    """Whether none of these listening addresses can be reached from another machine."""
    return all(is_loopback(address) for address in addresses)

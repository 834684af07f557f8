"""An address on the web, read once and strictly: what was checked is what is connected to."""

import re
from urllib.parse import quote, urljoin, urlsplit

from msgspec import Struct

from hub.errors import BadInput

LONGEST = 4096
"""Characters of an address; signed ones of content networks take about a thousand."""

PORTS = {"http": 80, "https": 443}
_BAD = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"[a-z0-9_.:-]+")
_SAFE = "/%:@!$&'()*+,;=~-._?"


class Place(Struct, frozen=True):
    """Scheme, host (lower case, ASCII, an IPv6 address without brackets), port, and path with query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What a secret belongs to: scheme, host and port."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if PORTS[self.scheme] == self.port else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address."""
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


def read_place(url: str, base: Place | None = None, *, field: str = "url") -> Place:
    """The place an address names; a relative one is taken from `base`. Raises BadInput naming `field`."""
    text = url.strip()
    if len(text) > LONGEST or _BAD.search(text):
        raise _unreadable(url, field)
    try:
        parts = urlsplit(urljoin(base.url, text) if base is not None else text)
        scheme = parts.scheme.lower()
        port = parts.port or PORTS[scheme]
        host = (parts.hostname or "").rstrip(".").encode("idna").decode().lower()
    except (ValueError, KeyError, UnicodeError) as wrong:
        raise _unreadable(url, field) from wrong
    if not host or not _HOST.fullmatch(host) or "@" in parts.netloc:
        raise _unreadable(url, field)
    query = f"?{parts.query}" if parts.query else ""
    return Place(scheme, host, port, quote((parts.path or "/") + query, safe=_SAFE))


def _unreadable(url: str, field: str) -> BadInput:
    return BadInput(
        f"'{url.strip()[:200]}' is not an address that can be called; it must look like "
        "https://host/path, without a user name in it.",
        field=field,
        limit="an http or https address",
    )

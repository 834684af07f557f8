"""Where the hub is, as seen from outside: its base path, and the one way to make an address of it. Pure."""

import re
from typing import Final
from urllib.parse import urlsplit

from hub.settings import BadSettings, Network
from hub.wire.route import OWN

_BASE: Final = re.compile(r"(/[A-Za-z0-9_~.-]+)*")
_OURS: Final = frozenset(
    {"api", "view", "output", "viewspecial", "assets", "imgs", "error", "schema", "comfybackenddirect"}
)
_ORIGIN: Final = re.compile(r"https?://[^/?#@\s*,]+", re.IGNORECASE)


class Place:
    """The hub's place below a host name. Raises BadSettings for settings that name none."""

    def __init__(self, network: Network) -> None:
        self.base = base_path(network.base_path)
        """"" or `/some/path`, never with a slash at its end."""
        self.outer = _outer(network.external_url, self.base)
        """What every address outside begins with where the settings say so, else ""."""

    def inner(self, path: str) -> str:
        """A path as our routes know it: without the base path, where the proxy has left it on; "" for the
        base path itself.

        A base path `/hub` reads like the start of `/hub/v1`: nobody ever asks for the bare `/v1` that would
        be left of it, so such a path is one whose base was taken off already.
        """
        if not self.base or not path.startswith(self.base) or _is_own(path):
            return path
        rest = path[len(self.base) :]
        return rest if not rest or rest[0] == "/" else path

    def address(self, path: str, scheme: str, host: str) -> str:
        """The whole address of one of our paths (with its leading slash) for somebody who came by `scheme`
        (http or https) to `host`, whose Host header was checked."""
        return (self.outer or f"{scheme}://{host}{self.base}") + path


def _is_own(path: str) -> bool:
    return (path.lower() + "/").startswith(OWN + "/")


def base_path(text: str) -> str:
    """A base path as it is kept: `hub/` and `/hub` are the same. Raises BadSettings."""
    path = "/" + text.strip().strip("/") if text.strip().strip("/") else ""
    first = path[1:].partition("/")[0].lower()
    if not _BASE.fullmatch(path) or any(part in (".", "..") for part in path.split("/")):
        raise BadSettings(
            f"network.base_path = '{text}' cannot be used: a path like /hub or /tools/hub is meant, of "
            "letters, digits, '-', '_', '.' and '~'."
        )
    if first in _OURS or _is_own(path):
        raise BadSettings(
            f"network.base_path = '{text}' cannot be used: addresses of the hub's own begin like that. "
            "Choose another, for example /hub."
        )
    return path


def _outer(external: str, base: str) -> str:
    if not external:
        return ""
    found = urlsplit(external)
    if found.scheme not in ("http", "https") or not found.hostname:
        raise BadSettings(
            f"network.external_url = '{external}' cannot be used: an address like https://hub.example is "
            "meant."
        )
    whole = f"{found.scheme}://{found.netloc}{found.path}".rstrip("/")
    return whole if not base or whole.endswith(base) else whole + base


def checked_origins(origins: tuple[str, ...]) -> frozenset[str]:
    """Origins in the form browsers send them. Raises BadSettings, for `*` too: a caller on this machine needs
    no password, so that any page whatever could act for them."""
    for origin in origins:
        if not _ORIGIN.fullmatch(origin.rstrip("/")):
            raise BadSettings(
                f"network.allow_origins names '{origin}', which is no origin. Name each page that may call, "
                "like https://my.page or http://127.0.0.1:3000; there is no word for all of them, because "
                "any page on the internet could then act as whoever opens it."
            )
    return frozenset(origin.rstrip("/").lower() for origin in origins)


def outside_address(network: Network, path: str = "") -> str:
    """The hub's address for those who ask nothing of us, like webhooks: external_url, else where it
    listens."""
    scheme = "https" if network.tls_cert else "http"
    host = f"[{network.host}]" if ":" in network.host else network.host
    return Place(network).address(path, scheme, f"{host}:{network.port}")

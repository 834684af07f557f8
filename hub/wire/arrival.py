"""How a request came in: whose address, by which scheme, to which host, through whom. Pure.

What a header says of where a request came from is believed only from proxies that the settings name, and of
their headers only what the last believed one has seen itself: everything further left was written by whoever
asked (ASVS 5.0 4.1.3; RFC 7239; the right-most hop that is not ours is the client).
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.settings import BadSettings, Network

Headers = Iterable[tuple[bytes, bytes]]
MAX_VIAS: Final = 3
"""Addresses told by nobody we believe that are kept in a client's text (swarm-api §1.4)."""
MOST_HOPS: Final = 32
LONGEST: Final = 64
FORWARDING: Final = frozenset(
    {
        b"forwarded",
        b"via",
        b"cdn-loop",
        b"client-ip",
        b"true-client-ip",
        b"fastly-client-ip",
        b"fly-client-ip",
        b"do-connecting-ip",
    }
)
"""Headers that only something between a caller and us adds, besides those by `FORWARDING_PREFIXES`."""
FORWARDING_PREFIXES: Final = (
    b"x-forwarded",
    b"x-real-",
    b"x-client-ip",
    b"x-cluster-client-ip",
    b"x-original-",
    b"x-envoy-external-address",
    b"x-proxyuser-ip",
    b"cf-",
)
_SECURE: Final = {"http": "https", "ws": "wss"}
_PLAIN: Final = {"https": "http", "wss": "ws"}
_Net = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request's way here.

    `client` is the bare address of who asks, `vias` further ones that somebody claims and nobody vouches for;
    `scheme` is http, https, ws or wss as the client used it; `host` the Host header to judge and answer by;
    `direct` tells that nothing stood between the other end of the connection and us.
    """

    client: str
    scheme: str
    host: bytes | None
    direct: bool
    vias: tuple[str, ...] = ()


class Proxies:
    """The proxies that are believed. Raises BadSettings for an entry that is no address."""

    def __init__(self, network: Network) -> None:
        self._nets = tuple(_net(entry) for entry in network.proxies)
        self._by_forwarded = network.proxy_header == "forwarded"

    def __contains__(self, address: str) -> bool:
        found = _address(address)
        return found is not None and any(found in net for net in self._nets if net.version == found.version)

    def arrival(self, peer: str, scheme: str, headers: Headers) -> Arrival:
        """What is to be held true of a request from `peer` with these headers (names in lower case)."""
        hosts: list[bytes] = []
        told: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            if name == b"host":
                hosts.append(value)
            elif name in FORWARDING or name.startswith(FORWARDING_PREFIXES):
                told.setdefault(name, []).append(value)
        host = hosts[0] if len(hosts) == 1 else None
        if not told and not self._nets:
            return Arrival(peer, scheme, host, True)
        if peer not in self:
            return Arrival(peer, scheme, host, not told, _vias(_listed(told, b"x-forwarded-for")))
        return self._through(peer, scheme, host, told)

    def _through(self, peer: str, scheme: str, host: bytes | None, told: dict[bytes, list[bytes]]) -> Arrival:
        if self._by_forwarded:
            elements = [_pairs(element) for element in _listed(told, b"forwarded")]
            fors = [element.get("for", "") for element in elements]
        else:
            elements = []
            fors = _listed(told, b"x-forwarded-for")
        client, hops = peer, 1
        rest = fors[-MOST_HOPS:]
        while rest and (found := _bare(rest[-1])):
            client = found
            rest = rest[:-1]
            if found not in self:
                break
            hops += 1
        if elements:
            seen = elements[max(0, len(elements) - hops)]
            proto, outer = seen.get("proto", ""), seen.get("host", "")
        else:
            proto = _hop(_listed(told, b"x-forwarded-proto"), hops)
            outer = _hop(_listed(told, b"x-forwarded-host"), hops)
        return Arrival(
            client,
            _scheme(scheme, proto.lower()),
            outer.encode("latin-1") if outer else host,
            False,
            _vias(rest),
        )


def _net(entry: str) -> _Net:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        raise BadSettings(
            f"network.proxies names '{entry}', which is neither an IP address nor a range of them like "
            "10.0.0.0/8. Name the address that the proxy calls the hub from."
        ) from None


def _address(text: str) -> _Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _bare(text: str) -> str:
    """The address of an entry, without port and brackets; "" for a name, `unknown` and the like."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    found = _address(text) if len(text) <= LONGEST else None
    return "" if found is None else str(found)


def _listed(told: dict[bytes, list[bytes]], name: bytes) -> list[str]:
    """The entries of a header that is a list, however many lines it came in."""
    lines = b",".join(told.get(name, ())).decode("latin-1")
    return [entry for part in lines.split(",") if (entry := part.strip())]


def _hop(entries: Sequence[str], hops: int) -> str:
    """The entry of the outermost believed proxy, where each of them added one or the last set the only."""
    return entries[max(0, len(entries) - hops)] if entries else ""


def _pairs(element: str) -> dict[str, str]:
    """`for=1.2.3.4;proto=https` by name (RFC 7239 §4)."""
    parts = (part.partition("=") for part in element.split(";"))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in parts}


def _scheme(scheme: str, told: str) -> str:
    if told in ("https", "wss"):
        return _SECURE.get(scheme, scheme)
    return _PLAIN.get(scheme, scheme) if told in ("http", "ws") else scheme


def _vias(entries: Sequence[str]) -> tuple[str, ...]:
    return tuple(entry[:LONGEST] for entry in entries[:MAX_VIAS])


ARRIVAL: Final = "hub.arrival"
"""Scope key of a request's Arrival."""


def arrival_of(scope: Any) -> Arrival:
    """How this request came; for a scope that did not come through our door, as its own values tell."""
    found: Arrival | None = scope.get(ARRIVAL)
    if found is None:
        client = scope.get("client")
        return Arrival(str(client[0]) if client else "", str(scope.get("scheme", "")), None, False)
    return found

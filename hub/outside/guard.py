"""Which hosts and which addresses may be called. Pure: what a name resolves to is passed in."""

import ipaddress
from collections.abc import Iterable

from msgspec import Struct

from hub.errors import BadInput, HubError
from hub.outside.place import Place

ANY = "*"
"""In a list of hosts: every host there is."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.88.99.0/24",  # relays of 6to4, given up by RFC 7526
        "3fff::/20",  # for documentation, RFC 9637; known to newer Pythons only
        "64:ff9b:1::/48",  # translation within one network, RFC 8215
    )
)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"""What stands before an IPv4 address that is tunnelled within a site (RFC 5214 §6.1)."""


class Rule(Struct, frozen=True):
    """`hosts` may be called, `onward` only when one of them redirects there; a name also stands for every
    name below it. `private` lets names resolve to addresses that are not public, and plain http be used.
    `section` of the settings is where an administrator can change that.
    """

    hosts: tuple[str, ...]
    onward: tuple[str, ...] = ()
    private: bool = False
    section: str = "downloads"

    def check(self, place: Place, *, redirected: bool, field: str = "url") -> None:
        """Raise a refusal unless the place may be called, as far as its name tells."""
        names = (*self.hosts, *self.onward) if redirected else self.hosts
        if not any(_covers(name, place.host) for name in names):
            how = "sent us on to" if redirected else "names"
            raise BadInput(
                f"The address {how} the host '{place.host}', which is not allowed here. "
                f"An administrator can add it to the setting {self.section}.hosts.",
                field=field,
                limit=list(names),
            )
        if place.scheme != "https" and not self.private:
            raise BadInput(
                "Only https addresses are called; this one is not encrypted.", field=field, limit="https"
            )

    def check_addresses(self, host: str, addresses: Iterable[str]) -> None:
        """Raise a refusal when one of the addresses a name resolved to must not be connected to.

        One is enough: a name that mixes public and private addresses is an attempt to get in.
        """
        if self.private:
            return
        for address in addresses:
            if not is_public(address):
                raise HubError(
                    f"The host '{host}' has the address {address}, which is not a public one and is not "
                    "called. An administrator can allow that by the setting "
                    f"{self.section}.private_addresses.",
                    field="url",
                )


def is_public(text: str) -> bool:
    """Whether an IP address belongs to the open internet: not this machine, its network or anything
    reserved. IPv4 addresses inside IPv6 ones are judged as what they are."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if any(address.version == network.version and address in network for network in _NEVER):
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.teredo is not None or int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
            return False
        if inner is not None:
            return is_public(str(inner))
        if address.is_site_local or int(address) >> 32 == 0:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _covers(name: str, host: str) -> bool:
    low = name.strip().lower().rstrip(".")
    return low in (ANY, host) or (bool(low) and host.endswith(f".{low}"))

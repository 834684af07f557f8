"""The five roles that always exist, made from the flags' ranks, and how several roles add up."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from msgspec import Struct

from permissions.discover import FLAGS
from permissions.flag import Rank


class Quotas(Struct, frozen=True):
    """What one user may ask of the engines; 0 is no limit. Of images: drawn at once, waiting, accepted within
    24 hours; of each image: pixels of the result, steps; of those that are kept: files, MiB."""

    images_at_once: int = 0
    queued: int = 0
    per_day: int = 0
    pixels: int = 0
    steps: int = 0
    files: int = 0
    storage_mib: int = 0


class Role(Struct, frozen=True):
    """A named set of flags and limits (swarm-api §3). Model lists are name prefixes; an empty whitelist
    allows every model. An `automatic` role cannot be deleted. With `check_content` what its holders ask for
    and get is checked, where the server has that switched on for roles."""

    id: str
    name: str
    text: str = ""
    flags: frozenset[str] = frozenset()
    model_whitelist: tuple[str, ...] = ()
    model_blacklist: tuple[str, ...] = ()
    max_outpath_depth: int = 5
    max_t2i_simultaneous: int = 32
    allow_unsafe_outpaths: bool = False
    automatic: bool = False
    quotas: Quotas = Quotas()
    check_content: bool = False


class Merged(Struct, frozen=True):
    """What a user with several roles may do. Without any valid role: nothing, with limits of zero."""

    flags: frozenset[str] = frozenset()
    model_whitelist: tuple[str, ...] = ()
    model_blacklist: tuple[str, ...] = ()
    max_outpath_depth: int = 0
    max_t2i_simultaneous: int = 0
    allow_unsafe_outpaths: bool = False
    quotas: Quotas = Quotas()
    check_content: bool = False


def default_flags(rank: Rank) -> frozenset[str]:
    """The flags that holders of `rank` have unless an admin decided otherwise."""
    return frozenset(flag.id for flag in FLAGS.values() if flag.default <= rank)


_AUTOMATIC = (
    ("owner", "Owner", Rank.NOBODY, "The person whose server this is. Holds every right."),
    ("admin", "Admin", Rank.ADMINS, "Runs the server for its owner."),
    ("poweruser", "Power User", Rank.POWERUSERS, "A trusted user who may change what all users share."),
    ("user", "User", Rank.USER, "An ordinary account."),
    ("guest", "Guest", Rank.GUEST, "May look, but not generate."),
)
RANKS: Mapping[str, Rank] = MappingProxyType({role: rank for role, _, rank, _ in _AUTOMATIC})
ROLES: Mapping[str, Role] = MappingProxyType(
    {
        role: Role(role, name, text, default_flags(rank), automatic=True)
        for role, name, rank, text in _AUTOMATIC
    }
)


def merge(roles: Iterable[Role]) -> Merged:
    """Several roles as one: flags and lists are united, a number is the highest, a permission is enough
    once; a check is made of those only whose every role asks for it."""
    held = tuple(roles)
    if not held:
        return Merged()
    return Merged(
        flags=frozenset().union(*(role.flags for role in held)),
        model_whitelist=tuple(dict.fromkeys(entry for role in held for entry in role.model_whitelist)),
        model_blacklist=tuple(dict.fromkeys(entry for role in held for entry in role.model_blacklist)),
        max_outpath_depth=max(role.max_outpath_depth for role in held),
        max_t2i_simultaneous=max(role.max_t2i_simultaneous for role in held),
        allow_unsafe_outpaths=any(role.allow_unsafe_outpaths for role in held),
        quotas=Quotas(
            *(_highest(getattr(role.quotas, name) for role in held) for name in Quotas.__struct_fields__)
        ),
        check_content=all(role.check_content for role in held),
    )


def _highest(limits: Iterable[int]) -> int:
    """The most generous of several limits; none at all (0) is more than any."""
    found = tuple(limits)
    return 0 if 0 in found else max(found)

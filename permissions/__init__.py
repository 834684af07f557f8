"""Permission flags as data, the roles made from them, and the check. Knows nothing of the rest of the hub."""

from permissions.check import has, narrowed
from permissions.discover import FLAGS
from permissions.flag import Flag, Group, Rank, Safety
from permissions.roles import RANKS, ROLES, Merged, Quotas, Role, default_flags, merge

__all__ = [
    "FLAGS",
    "RANKS",
    "ROLES",
    "Flag",
    "Group",
    "Merged",
    "Quotas",
    "Rank",
    "Role",
    "Safety",
    "default_flags",
    "has",
    "merge",
    "narrowed",
]

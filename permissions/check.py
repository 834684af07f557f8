"""The one question: does a set of flags hold a flag? Pure."""

from collections.abc import Collection

STAR = "*"


def has(flags: Collection[str], flag: str) -> bool:
    """Whether `flags` hold `flag`, by itself or by the star. An id nobody knows is held by the star alone."""
    return flag in flags or STAR in flags

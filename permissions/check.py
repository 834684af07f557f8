"""The one question: does a set of flags hold a flag? And what is left where only some of them count. Pure."""

from collections.abc import Collection

STAR = "*"


def has(flags: Collection[str], flag: str) -> bool:
    """Whether `flags` hold `flag`, by itself or by the star. An id nobody knows is held by the star alone."""
    return flag in flags or STAR in flags


def narrowed(flags: frozenset[str], only: Collection[str] | None) -> frozenset[str]:
    """What is held of `flags` where only those of `only` count; None: all of them. The star stands for every
    flag on both sides."""
    if only is None or STAR in only:
        return flags
    return frozenset(only) if STAR in flags else flags & frozenset(only)

"""What a permission flag is."""

from enum import IntEnum, StrEnum

from msgspec import Struct


class Rank(IntEnum):
    """Who holds a flag by default: everybody from this rank upwards. The owner holds all of them."""

    GUEST = 0
    USER = 1
    POWERUSERS = 2
    ADMINS = 3
    NOBODY = 4


class Safety(StrEnum):
    """What giving a flag away risks: nothing known, not yet tried, harm by mistake, or control of the
    server."""

    SAFE = "SAFE"
    UNTESTED = "UNTESTED"
    RISKY = "RISKY"
    POWERFUL = "POWERFUL"


class Group(Struct, frozen=True):
    """A heading under which flags are listed."""

    name: str
    text: str


class Flag(Struct, frozen=True):
    """One right. `id` is its public name for ever, `text` says what it allows, `default` the lowest rank that
    has it, `alt_safety_text` a sentence instead of the usual one for its safety level ("" for none)."""

    id: str
    name: str
    text: str
    group: Group
    default: Rank
    safety: Safety
    alt_safety_text: str = ""

"""What the hub said lately, kept in memory for an administrator's eyes, and what of it nobody may see."""

from hub.logs.pastes import Pastes
from hub.logs.recent import KINDS, Kind, Line, Recent, clock_text, newer
from hub.logs.scrub import GONE, scrub
from hub.logs.scrubbed import Scrubbed

__all__ = [
    "GONE",
    "KINDS",
    "Kind",
    "Line",
    "Pastes",
    "Recent",
    "Scrubbed",
    "clock_text",
    "newer",
    "scrub",
]

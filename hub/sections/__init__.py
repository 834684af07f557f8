"""Sections of the settings that are long, and what all sections are made of."""

from hub.sections.issuers import Google, OpenIDIssuer
from hub.sections.marks import AT_ONCE, SECRET, Amount, EngineLine, Port, Positive
from hub.sections.upkeep import Log, Updates
from hub.sections.webhooks import Webhooks

__all__ = [
    "AT_ONCE",
    "SECRET",
    "Amount",
    "EngineLine",
    "Google",
    "Log",
    "OpenIDIssuer",
    "Port",
    "Positive",
    "Updates",
    "Webhooks",
]

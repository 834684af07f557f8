"""Sections of the settings that are long, and what all sections are made of."""

from hub.sections.issuers import Google, OpenIDIssuer
from hub.sections.marks import AT_ONCE, SECRET, Amount, EngineLine, Port, Positive
from hub.sections.webhooks import Webhooks

__all__ = [
    "AT_ONCE",
    "SECRET",
    "Amount",
    "EngineLine",
    "Google",
    "OpenIDIssuer",
    "Port",
    "Positive",
    "Webhooks",
]

"""Accounts that are deleted: everything of theirs, in every room, whatever comes between."""

from hub.departures.departures import Departures, Forgetful

__all__ = ["Departures", "Forgetful"]

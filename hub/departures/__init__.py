"""Accounts that are deleted: everything of theirs, in every room, whatever comes between."""

from hub.departures.departures import Departures

__all__ = ["Departures"]

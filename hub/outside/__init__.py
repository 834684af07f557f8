"""Calls to machines elsewhere: only to hosts the admin allows, only to addresses that were checked."""

from hub.outside.client import Answer, Key, Outside, Unreachable
from hub.outside.guard import ANY, Rule, is_public
from hub.outside.place import Place, read_place

__all__ = ["ANY", "Answer", "Key", "Outside", "Place", "Rule", "Unreachable", "is_public", "read_place"]

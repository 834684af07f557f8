"""The languages of the page: one JSON file each, named by its code."""

from languages.load import FALLBACK, Language, discover

__all__ = ["FALLBACK", "Language", "discover"]

"""The themes: one folder each, discovered, described by its own `theme.json`."""

from themes.load import Theme, discover

__all__ = ["Theme", "discover"]

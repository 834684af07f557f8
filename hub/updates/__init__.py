"""Updates of the hub itself: its copy follows the git repository it was taken from."""

from hub.updates.updates import Behind, Updates

__all__ = ["Behind", "Updates"]

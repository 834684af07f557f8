"""What the hub said lately, kept in memory for an administrator's eyes."""

from hub.logs.recent import KINDS, Kind, Line, Recent, clock_text, newer

__all__ = ["KINDS", "Kind", "Line", "Recent", "clock_text", "newer"]

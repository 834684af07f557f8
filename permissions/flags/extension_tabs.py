"""Flags of the group Extension Tabs: empty until something adds a page of its own."""

from permissions.flag import Flag, Group

GROUP = Group("Extension Tabs", "Rights to see pages that were added to the hub.")

FLAGS: tuple[Flag, ...] = ()

"""Flags of the group Backends Admin."""

from permissions.flag import Flag, Group, Rank, Safety

GROUP = Group("Backends Admin", "Rights over the engines behind the hub.")

FLAGS = (
    Flag(
        "view_backends_list",
        "View Backends List",
        "See the engines with their types, states and settings.",
        GROUP,
        Rank.POWERUSERS,
        Safety.SAFE,
    ),
    Flag(
        "add_remove_backends",
        "Add/Remove Backends",
        "Add and remove engines.",
        GROUP,
        Rank.ADMINS,
        Safety.POWERFUL,
    ),
    Flag(
        "edit_backends",
        "Edit Backends",
        "Change the settings of an engine, its address and start script included.",
        GROUP,
        Rank.ADMINS,
        Safety.POWERFUL,
    ),
    Flag(
        "restart_backends",
        "Restart Backends",
        "Start engines anew.",
        GROUP,
        Rank.POWERUSERS,
        Safety.SAFE,
    ),
    Flag(
        "toggle_backends",
        "Toggle Backends",
        "Switch engines on and off.",
        GROUP,
        Rank.ADMINS,
        Safety.SAFE,
    ),
)

"""Flags of the group Sharing."""

from permissions.flag import Flag, Group, Rank, Safety

GROUP = Group("Sharing", "Rights over what all users of the server have together. Ours, not SwarmUI's.")

FLAGS = (
    Flag(
        "share_presets",
        "Share Presets",
        "Give a preset to everybody on the server, and take it back.",
        GROUP,
        Rank.ADMINS,
        Safety.SAFE,
    ),
    Flag(
        "read_wildcards",
        "Read Wildcards",
        "List the server's wildcards, read them and draw from them in prompts.",
        GROUP,
        Rank.GUEST,
        Safety.SAFE,
    ),
)

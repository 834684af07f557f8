"""Flags of the group Queue."""

from permissions.flag import Flag, Group, Rank, Safety

GROUP = Group("Queue", "Rights over the line of waiting images, which all users share. Ours, not SwarmUI's.")

FLAGS = (
    Flag(
        "queue_pause",
        "Pause The Queue",
        "Keep waiting images from being started, and let them start again.",
        GROUP,
        Rank.ADMINS,
        Safety.RISKY,
    ),
    Flag(
        "queue_view_others",
        "View Others' Jobs",
        "See who sent the jobs of other users and what they ask for.",
        GROUP,
        Rank.ADMINS,
        Safety.POWERFUL,
    ),
    Flag(
        "manage_webhooks",
        "Manage Webhooks",
        "Name addresses that the server tells what happens to one's own jobs.",
        GROUP,
        Rank.USER,
        Safety.SAFE,
    ),
    Flag(
        "queue_metrics",
        "Read Metrics",
        "Read the figures of the whole server that monitoring collects.",
        GROUP,
        Rank.ADMINS,
        Safety.SAFE,
    ),
)

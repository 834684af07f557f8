"""Flags of the group Special."""

from permissions.flag import Flag, Group, Rank, Safety

GROUP = Group("Special", "Rights that reach beyond the hub, for its owner.")

FLAGS = (
    Flag(
        "*",
        "Full Control",
        "Everything: every flag there is and every one that will come. For the owner only.",
        GROUP,
        Rank.NOBODY,
        Safety.POWERFUL,
    ),
    Flag(
        "local_image_folder",
        "Local Image Folder",
        "Open an image's folder in the file manager of the machine the hub runs on.",
        GROUP,
        Rank.NOBODY,
        Safety.POWERFUL,
    ),
    Flag(
        "install",
        "Install",
        "Run the first set-up of the server, which chooses its network, engines and models.",
        GROUP,
        Rank.NOBODY,
        Safety.POWERFUL,
    ),
    Flag(
        "server_debug_message",
        "Server Debug Message",
        "Write a line of one's own into the server's log.",
        GROUP,
        Rank.NOBODY,
        Safety.SAFE,
    ),
    Flag(
        "automated_control",
        "Automated Control",
        "Let another server keep this one under its control and shut it down when that one goes silent.",
        GROUP,
        Rank.NOBODY,
        Safety.POWERFUL,
    ),
)

"""The settings of one ComfyUI that the hub starts, under the names that SwarmUI gave them (swarm-api §9)."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field


class SelfStartSettings(Struct, frozen=True, rename="pascal"):
    """Which ComfyUI is started, how, and what happens when it ends."""

    start_script: Annotated[
        str,
        Meta(
            title="Start Script",
            description="The whole path of ComfyUI's main.py, of its folder, or of a .sh or .bat file that "
            "starts it. It runs with the rights of the hub.",
            extra={"placeholder": "/opt/ComfyUI/main.py"},
        ),
    ] = ""
    python: Annotated[
        str,
        Meta(
            title="Python",
            description="The whole path of the Python that main.py runs in. Empty: the environment beside it "
            "(venv, .venv or python_embeded), else the system's Python.",
            extra={"placeholder": "/opt/ComfyUI/venv/bin/python"},
        ),
    ] = ""
    extra_args: Annotated[
        str,
        Meta(
            title="Extra Args",
            description="Further words of the command line, quoted as in a shell, like --lowvram. The port "
            "is chosen by the hub.",
            extra={"placeholder": "--lowvram"},
        ),
    ] = ""
    disable_internal_args: Annotated[
        bool,
        Meta(
            title="Disable Internal Args",
            description="Adds nothing to the command line but the port: for scripts that know best.",
        ),
    ] = False
    auto_update: Annotated[
        Literal["false", "true"],
        Meta(
            title="Auto Update",
            description="Whether its folder is brought up to date with git before it starts: forward only, "
            "so that changes of one's own stay and stand in the way. Its Python packages are not touched. "
            "What goes wrong is told in its lines and never keeps it from starting.",
        ),
    ] = "false"
    update_managed_nodes: Annotated[
        Literal["false"],
        Meta(
            title="Update Managed Nodes",
            description="Always off: this hub installs no nodes into a ComfyUI.",
        ),
    ] = "false"
    frontend_version: Annotated[
        Literal["None", "Latest", "Legacy"],
        Meta(
            title="Frontend Version",
            description="Which page of its own ComfyUI serves: None leaves that to it; Latest and Legacy are "
            "fetched from the internet by ComfyUI when it starts.",
        ),
    ] = "None"
    enable_previews: Annotated[
        bool,
        Meta(title="Enable Previews", description="Whether pictures are shown while they are drawn."),
    ] = True
    gpu_id: Annotated[
        str,
        Meta(
            title="GPU ID",
            description="The number of the graphics card it may use, or several like 0,1. Empty: all.",
        ),
    ] = field(default="0", name="GPU_ID")
    over_queue: Annotated[
        int,
        Meta(
            title="Over Queue",
            description="How many pictures wait in ComfyUI's own queue beside the one it draws, so that it "
            "never stands still between two.",
            ge=0,
            le=32,
        ),
    ] = 1
    auto_restart: Annotated[
        bool,
        Meta(
            title="Auto Restart",
            description="Whether it is started again when it ends by itself; after several such ends in a "
            "row only when asked.",
        ),
    ] = True

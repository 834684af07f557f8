"""Flags of the group ComfyUI."""

from permissions.flag import Flag, Group, Rank, Safety

GROUP = Group("ComfyUI", "Rights over ComfyUI engines and workflows.")

FLAGS = (
    Flag(
        "comfy_direct_calls",
        "ComfyUI Direct Calls",
        "Talk to a ComfyUI engine directly through the hub, which can do all that ComfyUI can.",
        GROUP,
        Rank.POWERUSERS,
        Safety.UNTESTED,
    ),
    Flag(
        "comfy_backend_generate",
        "ComfyUI Backend Generate",
        "Send generations to ComfyUI engines by its own page.",
        GROUP,
        Rank.POWERUSERS,
        Safety.UNTESTED,
    ),
    Flag(
        "comfy_dynamic_custom_workflows",
        "ComfyUI Dynamic Custom Workflows",
        "Send a workflow of one's own with a request.",
        GROUP,
        Rank.POWERUSERS,
        Safety.UNTESTED,
    ),
    Flag(
        "comfy_stored_custom_workflows",
        "ComfyUI Stored Custom Workflows",
        "Generate with a workflow stored on the server.",
        GROUP,
        Rank.POWERUSERS,
        Safety.UNTESTED,
    ),
    Flag(
        "comfy_read_workflows",
        "ComfyUI Read Workflows",
        "List and read the stored workflows.",
        GROUP,
        Rank.POWERUSERS,
        Safety.UNTESTED,
    ),
    Flag(
        "comfy_edit_workflows",
        "ComfyUI Edit Workflows",
        "Store, replace and delete workflows.",
        GROUP,
        Rank.POWERUSERS,
        Safety.UNTESTED,
    ),
)

"""Workflows of ComfyUI's: a graph that comes with the request, or one that is stored here."""

from hub.params.spec import Group, Param

GROUP: Group | None = None

LONGEST = 1 << 20
"""Bytes a graph may have; the largest that people share have a tenth of it."""

PARAMS = (
    Param(
        name="Comfy Workflow Raw",
        description="A graph in ComfyUI's API format, as JSON text, that is drawn in place of one made from "
        "the other parameters; ${id} and ${id:default} in it stand for their values.",
        type="text",
        default="",
        ignore="",
        visible=False,
        advanced=True,
        extra_hidden=True,
        do_not_save=True,
        hide_from_metadata=True,
        feature_flag="comfyui",
        permission="comfy_dynamic_custom_workflows",
        priority=10,
        group="swarminternal",
        longest=LONGEST,
    ),
    Param(
        name="Comfy Workflow Param Metadata",
        description="What the inputs are that a graph has beside the known parameters, as JSON text: by id "
        "an object with `type`, and `min` and `max` for numbers.",
        type="text",
        default="",
        ignore="",
        visible=False,
        advanced=True,
        extra_hidden=True,
        do_not_save=True,
        hide_from_metadata=True,
        priority=10,
        group="swarminternal",
        longest=LONGEST,
    ),
    Param(
        name="ComfyUI Custom Workflow",
        description="A graph that is stored on this server, drawn in place of one made from the other "
        "parameters.",
        type="dropdown",
        default="",
        source="workflows",
        ignore="",
        advanced=True,
        toggleable=True,
        feature_flag="comfyui",
        permission="comfy_stored_custom_workflows",
        priority=10,
        group="swarminternal",
    ),
)

"""What to draw, and with which model: the parameters outside of every group."""

from hub.params.spec import Param

GROUP = None

PARAMS = (
    Param(
        name="Prompt",
        description="What the picture should show, in your own words.",
        type="text",
        default="",
        view_type="prompt",
        visible=False,
        priority=-100,
        splice=True,
        examples=("a red circle on a blue background", "a boat at sea under a yellow sun"),
    ),
    Param(
        name="Negative Prompt",
        description="What the picture should keep away from. Has no effect with a CFG Scale of 1.",
        type="text",
        default="",
        view_type="prompt",
        visible=False,
        priority=-90,
        ignore="",
        splice=True,
        examples=("blurry, low quality",),
    ),
    Param(
        name="Model",
        description="The model that draws the picture.",
        type="model",
        default="",
        subtype="Stable-Diffusion",
        visible=False,
        priority=10,
        permission="model_params",
    ),
)

"""Resolution: the size of the picture, by shape or by pixels."""

from hub.params.size import ASPECTS
from hub.params.spec import Group, Param

GROUP = Group(
    name="Resolution", description="How large the picture is, and which shape.", open=False, priority=-11
)

_SIZE_TEXT = "Every size is delivered exactly; a model draws best near the sizes it was trained on."

PARAMS = (
    Param(
        name="Aspect Ratio",
        description="The picture's shape, at the model's own size or at Side Length.\n"
        "Custom takes Width and Height instead.",
        type="dropdown",
        default="1:1",
        values=(*ASPECTS, "Custom"),
        value_names=(
            "1:1 (square)",
            "4:3",
            "3:2",
            "8:5",
            "16:9 (wide screen)",
            "21:9 (cinema)",
            "3:4",
            "2:3",
            "5:8",
            "9:16 (phone)",
            "9:21",
            "Custom",
        ),
        priority=-11,
        group=GROUP.id,
    ),
    Param(
        name="Width",
        description=f"The picture's width in pixels. {_SIZE_TEXT}",
        type="integer",
        default="512",
        min=64,
        max=16384,
        view_min=256,
        view_max=2048,
        step=32,
        view_type="pot_slider",
        priority=-10,
        group=GROUP.id,
        examples=("256", "512", "1024"),
    ),
    Param(
        name="Height",
        description=f"The picture's height in pixels. {_SIZE_TEXT}",
        type="integer",
        default="512",
        min=64,
        max=16384,
        view_min=256,
        view_max=2048,
        step=32,
        view_type="pot_slider",
        priority=-9,
        group=GROUP.id,
        examples=("256", "512", "1024"),
    ),
    Param(
        name="Side Length",
        description="The side in pixels of a square with as much area as the picture; Aspect Ratio\n"
        "shapes it. Off, the model's own size is taken.",
        type="integer",
        default="1024",
        min=64,
        max=16384,
        view_min=256,
        view_max=4096,
        step=32,
        view_type="pot_slider",
        priority=-8,
        group=GROUP.id,
        toggleable=True,
        examples=("256", "512", "1024"),
    ),
)

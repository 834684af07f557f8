"""Init image: starting from a picture instead of from noise."""

from hub.params.spec import Group, Param

GROUP = Group(
    name="Init Image",
    description="Redraws a picture you give instead of starting from noise.",
    toggles=True,
    open=False,
    priority=-5,
)

PARAMS = (
    Param(
        name="Init Image",
        description="The picture to start from: PNG, JPEG or WebP.",
        type="image",
        default=None,
        priority=-5,
        group=GROUP.id,
    ),
    Param(
        name="Init Image Creativity",
        description="How much is redrawn: 0 keeps the picture, 1 forgets it.",
        type="decimal",
        default="0.6",
        min=0,
        max=1,
        step=0.05,
        view_type="slider",
        priority=-4.5,
        group=GROUP.id,
        examples=("0.4", "0.6", "0.8"),
    ),
)

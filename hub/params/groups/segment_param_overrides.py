"""Segment parameter overrides: what segments are drawn anew with, where it differs from the picture."""

from hub.params.spec import Group, Param

GROUP = Group(
    name="Segment Param Overrides",
    description="For segments alone; off, the picture's own.",
    priority=50,
    advanced=True,
    parent="segmentrefining",
)

PARAMS = (
    Param(
        name="Segment Steps",
        description="Steps that segments are drawn anew in, their creativity's part of them.",
        type="integer",
        default="40",
        min=1,
        max=200,
        view_max=100,
        view_type="slider",
        priority=4,
        group=GROUP.id,
        advanced=True,
        toggleable=True,
        to_engine=True,
        needs="segments",
        examples=("20", "40"),
    ),
    Param(
        name="Segment CFG Scale",
        description="How closely segments follow their prompts.",
        type="decimal",
        default="7",
        min=0,
        max=100,
        view_max=20,
        step=0.5,
        view_type="slider",
        priority=5,
        group=GROUP.id,
        advanced=True,
        toggleable=True,
        to_engine=True,
        needs="segments",
        examples=("5", "7"),
    ),
)

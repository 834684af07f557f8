"""Advanced sampling: what most pictures never need."""

from hub.params.spec import Group, Param

GROUP = Group(
    name="Advanced Sampling",
    description="How the model reads and draws, for those who know it well.",
    priority=15,
    advanced=True,
)

PARAMS = (
    Param(
        name="CLIP Stop At Layer",
        description="The text encoder's layer, from the end, that the prompt is taken from: -1 is the last, "
        "-2 is known as CLIP Skip 2. Off, the model's own.",
        type="integer",
        default="-1",
        min=-24,
        max=-1,
        priority=-10,
        group=GROUP.id,
        advanced=True,
        toggleable=True,
        to_engine=True,
        examples=("-1", "-2"),
    ),
)

"""Sampling: which numerical method takes the steps, and how they are spaced."""

from hub.params.spec import Group, Param

GROUP = Group(
    name="Sampling",
    description="The method behind the steps. The model's own is best.",
    open=False,
    priority=-8,
)

PARAMS = (
    Param(
        name="Sampler",
        description="The method that takes the steps. Off, the model's own choice.",
        type="dropdown",
        default="euler",
        source="samplers",
        priority=-5,
        group=GROUP.id,
        toggleable=True,
        can_sectionalize=True,
    ),
    Param(
        name="Scheduler",
        description="How the noise is spread over the steps. Off, the model's own choice.",
        type="dropdown",
        default="normal",
        source="schedulers",
        priority=-4,
        group=GROUP.id,
        toggleable=True,
        can_sectionalize=True,
    ),
)

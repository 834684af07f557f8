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
    Param(
        name="Flux Guidance Scale",
        description="How closely a Flux Dev model follows the prompt; it was taught to take this number.",
        type="decimal",
        default="3.5",
        min=0,
        max=100,
        view_max=10,
        step=0.1,
        view_type="slider",
        priority=6,
        group=GROUP.id,
        toggleable=True,
        feature_flag="flux-dev",
        to_engine=True,
        examples=("3", "3.5", "4"),
    ),
    Param(
        name="Seamless Tileable",
        description="Makes opposite edges fit, so that the picture can be laid side by side like tiles.",
        type="dropdown",
        default="false",
        values=("false", "true", "X-Only", "Y-Only"),
        value_names=("No", "Yes", "Left and right only", "Top and bottom only"),
        priority=15,
        group=GROUP.id,
        ignore="false",
        feature_flag="seamless",
        to_engine=True,
    ),
)

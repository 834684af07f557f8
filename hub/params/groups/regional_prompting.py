"""Regional prompting: how parts of the picture with prompts of their own are drawn."""

from hub.params.spec import Group, Param

GROUP = Group(
    name="Regional Prompting",
    description="For prompts with <region:…> and <object:…>.",
    priority=9,
    advanced=True,
)

PARAMS = (
    Param(
        name="Global Region Factor",
        description="How much the prompt for the whole picture counts beside those of its regions: 0 is not\n"
        "at all, 1 is alone.",
        type="decimal",
        default="0.5",
        min=0,
        max=1,
        step=0.05,
        view_type="slider",
        toggleable=True,
        priority=-5,
        group=GROUP.id,
        ignore="0.5",
        to_engine=True,
        needs="regions",
        examples=("0.2", "0.5", "0.8"),
    ),
    Param(
        name="Regional Object Cleanup Factor",
        description="How much the whole picture is drawn anew after its objects were: 0 is not at all.",
        type="decimal",
        default="0",
        min=0,
        max=1,
        step=0.05,
        view_type="slider",
        priority=-4,
        group=GROUP.id,
        advanced=True,
        ignore="0",
        to_engine=True,
        needs="regions",
        examples=("0", "0.2", "0.4"),
    ),
)

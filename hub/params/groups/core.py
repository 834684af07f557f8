"""Core parameters: how many pictures, from which seed, with how much work."""

from hub.params.spec import Group, Param

GROUP = Group(
    name="Core Parameters",
    description="The few settings that matter for every picture.",
    priority=-50,
)

PARAMS = (
    Param(
        name="Images",
        description="How many pictures this request makes, each from the next seed.",
        type="integer",
        default="1",
        min=1,
        max=10000,
        priority=-50,
        group=GROUP.id,
        always_retain=True,
        ignore="1",
        examples=("1", "4"),
    ),
    Param(
        name="Seed",
        description="The number the starting noise is made from: the same seed and settings give the same\n"
        "picture. -1 takes a random one.",
        type="integer",
        default="-1",
        min=-1,
        max=2**63 - 1,
        view_type="seed",
        priority=-30,
        group=GROUP.id,
        examples=("-1", "1", "42"),
    ),
    Param(
        name="Steps",
        description="How often the picture is refined. More steps take proportionally longer; most models\n"
        "gain little beyond 20 to 30. 0 gives the untouched start.",
        type="integer",
        default="20",
        min=0,
        max=500,
        view_max=60,
        view_type="slider",
        priority=-20,
        group=GROUP.id,
        can_sectionalize=True,
        examples=("10", "20", "30"),
    ),
    Param(
        name="CFG Scale",
        description="How closely the picture follows the prompt. Too high burns the colours, too low drifts\n"
        "off; 1 switches guidance off and is twice as fast.",
        type="decimal",
        default="7",
        min=0,
        max=100,
        view_max=20,
        step=0.5,
        view_type="slider",
        priority=-18,
        group=GROUP.id,
        can_sectionalize=True,
        examples=("1", "4", "7"),
    ),
)

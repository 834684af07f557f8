"""Variation seed: small changes around one picture."""

from hub.params.spec import Group, Param

GROUP = Group(
    name="Variation Seed",
    description="Mixes a second seed into the first, for pictures close to one you like.",
    toggles=True,
    open=False,
    priority=-17,
)

PARAMS = (
    Param(
        name="Variation Seed",
        description="The seed that is mixed in. -1 takes a random one.",
        type="integer",
        default="-1",
        min=-1,
        max=2**32 - 1,
        view_type="seed",
        priority=-17,
        group=GROUP.id,
        can_sectionalize=True,
        feature_flag="variation_seed",
        examples=("-1", "1", "42"),
    ),
    Param(
        name="Variation Seed Strength",
        description="How much of the second seed is mixed in: 0 is the first picture, 1 the second.",
        type="decimal",
        default="0",
        min=0,
        max=1,
        step=0.05,
        view_type="slider",
        priority=-17,
        group=GROUP.id,
        can_sectionalize=True,
        ignore="0",
        feature_flag="variation_seed",
        examples=("0.1", "0.25", "0.5"),
    ),
)

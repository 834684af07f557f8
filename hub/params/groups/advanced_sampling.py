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
    Param(
        name="VAE Tile Size",
        description="Encodes and decodes in tiles of this many pixels: large pictures in little memory.",
        type="integer",
        default="256",
        min=128,
        max=4096,
        step=32,
        priority=-5,
        group=GROUP.id,
        advanced=True,
        toggleable=True,
        to_engine=True,
        needs="vae_tiling",
        examples=("256", "512", "1024"),
    ),
    Param(
        name="VAE Tile Overlap",
        description="How many pixels neighbouring tiles share, so that no seam is seen.",
        type="integer",
        default="64",
        min=0,
        max=4096,
        step=32,
        priority=-4.8,
        group=GROUP.id,
        advanced=True,
        toggleable=True,
        to_engine=True,
        needs="vae_tiling",
        depend_non_default="vaetilesize",
        examples=("32", "64", "128"),
    ),
    Param(
        name="Mask Behavior",
        description="What grey in a mask means: Differential redraws it in the later steps only,\n"
        "Simple Latent mixes old and new.",
        type="dropdown",
        default="Differential",
        values=("Differential", "Simple Latent"),
        value_names=("Differential", "Simple Latent"),
        priority=-3.5,
        group=GROUP.id,
        advanced=True,
        toggleable=True,
        to_engine=True,
        needs="inpainting",
    ),
)

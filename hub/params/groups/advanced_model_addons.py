"""Advanced model addons: what is laid over a model, or takes the place of one of its parts."""

from hub.params.spec import Group, Param

GROUP = Group(
    name="Advanced Model Addons",
    description="What is laid over the model, or takes the place of one of its parts.",
    open=False,
    priority=8,
    advanced=True,
)


def _weights(name: str, description: str) -> Param:
    """A list of weights beside the LoRAs; SwarmUI's page sets them where the LoRAs are chosen."""
    return Param(
        name=name,
        description=description,
        type="list",
        default="",
        min=-10,
        max=10,
        step=0.1,
        priority=10,
        group=GROUP.id,
        visible=False,
        advanced=True,
        ignore="",
        needs="loras",
    )


PARAMS = (
    Param(
        name="VAE",
        description="Another autoencoder in place of the model's own. None takes the model's own.",
        type="model",
        default="None",
        subtype="VAE",
        priority=10,
        group=GROUP.id,
        advanced=True,
        toggleable=True,
        ignore="None",
        permission="model_params",
        needs="vae",
    ),
    Param(
        name="LoRAs",
        description="Small add-ons laid over the model, each a style, a thing or a person.",
        type="list",
        default="",
        subtype="LoRA",
        priority=10,
        group=GROUP.id,
        visible=False,
        advanced=True,
        ignore="",
        needs="loras",
    ),
    _weights("LoRA Weights", "How strongly each LoRA acts, in the order of LoRAs; 1 is as it was trained."),
    _weights(
        "LoRA Tenc Weights",
        "How strongly each LoRA acts on the text encoders; left out, as LoRA Weights says.",
    ),
    Param(
        name="LoRA Section Confinement",
        description="Where each LoRA acts, in the order of LoRAs: 0 in every pass, 5 in the first alone,\n"
        "1 in the second (refiner) alone; a LoRA in a prompt acts in the section it stands in.",
        type="list",
        default="",
        priority=10,
        group=GROUP.id,
        visible=False,
        advanced=True,
        ignore="",
        needs="loras",
    ),
)

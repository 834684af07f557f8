"""What no hosted engine can do, found in a work before anything is sent. Pure."""

from collections.abc import Iterator

from backends.contract import Work
from backends.hosted.refused import about

_OF_PICTURES = {
    "Outpaint Left": "outpaintleft",
    "Outpaint Top": "outpainttop",
    "Outpaint Right": "outpaintright",
    "Outpaint Bottom": "outpaintbottom",
    "Init Image Noise": "initimagenoise",
    "Init Image Reset To Norm": "initimageresettonorm",
    "Use Inpainting Encode": "useinpaintingencode",
    "Mask Grow": "maskgrow",
    "Mask Shrink Grow": "maskshrinkgrow",
}


def check_demands(work: Work, service: str, *, starts: bool, masks: bool, negative: bool) -> None:
    """Raise Refused naming the first parameter that this model of `service` cannot honour.

    `starts`: it redraws an initial picture; `masks`: only parts of it; `negative`: it takes a negative
    prompt.
    """
    model = work.model.name
    for parameter, field in _beyond(work):
        raise about(
            parameter,
            f"{service} does not offer it for {model}. Leave it out, or choose a model that another engine "
            "draws.",
            field,
        )
    if not work.prompt.strip():
        raise about("Prompt", f"{service} draws nothing without one; say what the picture shows.")
    if work.steps == 0:
        raise about("Steps", f"0 asks for a picture that is not drawn; {service} only gives finished ones.")
    if work.negative_prompt.strip() and not negative:
        raise about(
            "Negative Prompt",
            f"{model} of {service} takes none. Leave it empty, and say in the prompt what must not be there.",
        )
    if work.init_image is not None and not starts:
        raise about("Init Image", f"{model} of {service} draws from words only; leave it out.")
    if work.mask is not None and not masks:
        raise about("Mask Image", f"{model} of {service} redraws whole pictures only; leave it out.")


def _beyond(work: Work) -> Iterator[tuple[str, str]]:
    """Names and ids of the parameters that no hosted engine knows and this work needs."""
    asked = {
        ("LoRAs", "loras"): bool(work.loras),
        ("VAE", "vae"): work.vae is not None,
        ("Embeddings", "prompt"): bool(work.embeddings),
        ("ControlNet", "controlnetmodel"): bool(work.controls),
        ("Regional prompts", "prompt"): bool(work.regions),
        ("Refiner and Upscale", "refinercontrolpercentage"): work.second is not None,
        ("Variation Seed", "variationseed"): work.variation_seed is not None and work.variation_strength > 0,
        ("ComfyUI Custom Workflow", "comfyuicustomworkflow"): work.workflow is not None,
        ("Deterministic", "deterministic"): work.deterministic,
        **{(name, key): bool(work.extra.get(key)) for name, key in _OF_PICTURES.items()},
    }
    return (parameter for parameter, needed in asked.items() if needed)

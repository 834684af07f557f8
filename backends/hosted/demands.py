"""What no hosted engine can do, found in a work before anything is sent. Pure."""

from collections.abc import Iterator

from backends.contract import Work
from backends.hosted.refused import Refused

_BORDERS = ("outpaintleft", "outpainttop", "outpaintright", "outpaintbottom")
_ABOUT_STARTS = ("initimagenoise", "useinpaintingencode")


def check_demands(work: Work, service: str, *, starts: bool, masks: bool, negative: bool) -> None:
    """Raise Refused naming the first parameter that this model of `service` cannot honour.

    `starts`: it redraws an initial picture; `masks`: only parts of it; `negative`: it takes a negative
    prompt.
    """
    for parameter in _beyond(work):
        raise Refused(
            f"{parameter}: {service} does not offer it for {work.model.name}. Leave it out, or choose a "
            "model that another engine draws."
        )
    if not work.prompt.strip():
        raise Refused(f"Prompt: {service} draws nothing without one; say what the picture shows.")
    if work.steps == 0:
        raise Refused(f"Steps: 0 asks for a picture that is not drawn; {service} only gives finished ones.")
    if work.negative_prompt.strip() and not negative:
        raise Refused(
            f"Negative Prompt: {work.model.name} of {service} takes none. Leave it empty, and say in the "
            "prompt what must not be there."
        )
    if work.init_image is not None and not starts:
        raise Refused(f"Init Image: {work.model.name} of {service} draws from words only; leave it out.")
    if work.mask is not None and not masks:
        raise Refused(
            f"Mask Image: {work.model.name} of {service} redraws whole pictures only; leave it out."
        )


def _beyond(work: Work) -> Iterator[str]:
    """Names of the parameters that no hosted engine knows and this work needs."""
    asked = {
        "LoRAs": bool(work.loras),
        "VAE": work.vae is not None,
        "Embeddings": bool(work.embeddings),
        "ControlNet": bool(work.controls),
        "Regional prompts": bool(work.regions),
        "Refiner and Upscale": work.second is not None,
        "Variation Seed": work.variation_seed is not None and work.variation_strength > 0,
        "Outpainting": any(work.extra.get(border) for border in _BORDERS),
        "Init Image Noise": any(work.extra.get(name) for name in _ABOUT_STARTS[:1]),
        "Use Inpainting Encode": any(work.extra.get(name) for name in _ABOUT_STARTS[1:]),
    }
    return (name for name, needed in asked.items() if needed)

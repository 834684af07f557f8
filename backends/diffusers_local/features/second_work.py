"""The second pass of a work as a work of its own: which model draws it, how, and at what size. Pure."""

from msgspec.structs import replace

from backends.contract import Lora, SecondPass, Work
from backends.diffusers_local.pictures.sizes import Size

METHODS = ("PostApply", "StepSwap", "StepSwapNoisy")
PIXEL_METHODS = ("pixel-lanczos", "pixel-bicubic", "pixel-bilinear", "pixel-area", "pixel-nearest-exact")
LATENT_METHODS = ("latent-bicubic", "latent-bilinear", "latent-area", "latent-nearest-exact")

# What of the extras speaks of an initial picture: the second pass begins with the first one's drawing.
_OF_THE_START = (
    "initimageresettonorm",
    "initimagenoise",
    "maskshrinkgrow",
    "outpaintleft",
    "outpainttop",
    "outpaintright",
    "outpaintbottom",
)


def refusal(second: SecondPass) -> str:
    """Why this second pass cannot be drawn, in a sentence; "" when it can."""
    if second.method not in METHODS:
        return f"Refiner Method is {second.method!r}; it can be {', '.join(METHODS)}."
    if not 0 <= second.part <= 1:
        return f"Refiner Control Percentage is {second.part:g}; it goes from 0 to 1."
    if not 0.05 <= second.upscale <= 16:
        return f"Refiner Upscale is {second.upscale:g}; it goes from 0.25 to 8."
    if second.upscale_method not in (*PIXEL_METHODS, *LATENT_METHODS, "model"):
        known = ", ".join((*PIXEL_METHODS, *LATENT_METHODS))
        return f"Refiner Upscale Method is {second.upscale_method!r}; it can be {known} or an upscaler."
    if second.upscale_method == "model" and second.upscaler is None:
        return "Refiner Upscale Method is an upscaler, but none is named; choose one, or pixel-lanczos."
    return ""


def final_size(work: Work) -> Size:
    """Width and height in pixels of the work's result."""
    upscale = 1.0 if work.second is None else work.second.upscale
    return max(1, round(work.width * upscale)), max(1, round(work.height * upscale))


def redrawn_part(work: Work) -> float:
    """The part of the second pass's steps that is walked, as the stock pipelines take a strength.

    They count the steps of a part by rounding down; whoever asks for a part gets one step at least.
    """
    second = work.second
    steps = steps_of(work)
    if second is None or second.part <= 0 or steps < 1:
        return 0.0
    return second.part if int(steps * second.part) else (1 + 1e-9) / steps


def steps_of(work: Work) -> int:
    """Steps of the whole second walk, of which the last part is taken."""
    own = None if work.second is None else work.second.steps
    return work.steps if own is None else own


def second_work(work: Work) -> Work | None:
    """What is drawn in the second pass; None when nothing is redrawn.

    LoRAs, ControlNets, embeddings and the VAE of the work go with a second model of the same class, and with
    no other: they would not fit. (A LoRA that is for the second pass only goes with whatever model that has.)
    The initial picture stays for ControlNets to follow. `extra`: "refinerprompt" and
    "refinernegativeprompt" stand for the prompts.
    """
    second = work.second
    part = redrawn_part(work)
    if second is None or not part:
        return None
    model = second.model or work.model
    alike = second.model is None or (bool(model.class_id) and model.class_id == work.model.class_id)
    width, height = final_size(work)
    left_out = (*_OF_THE_START, "refinerprompt", "refinernegativeprompt")
    return replace(
        work,
        model=model,
        vae=second.vae or (work.vae if alike else None),
        prompt=str(work.extra.get("refinerprompt", work.prompt)),
        negative_prompt=str(work.extra.get("refinernegativeprompt", work.negative_prompt)),
        width=width,
        height=height,
        steps=steps_of(work),
        cfg_scale=work.cfg_scale if second.cfg_scale is None else second.cfg_scale,
        sampler=second.sampler or work.sampler,
        scheduler=second.scheduler or work.scheduler,
        # the same noise again would only be drawn back out of the picture
        seed=(work.seed + 1) % (1 << 63),
        variation_seed=None,
        variation_strength=0.0,
        strength=part,
        loras=_loras_of_the_second(work, alike=alike),
        controls=work.controls if alike else (),
        embeddings=work.embeddings if alike else (),
        second=None,
        extra={key: value for key, value in work.extra.items() if key not in left_out},
    )


def first_loras(work: Work) -> tuple[Lora, ...]:
    """The LoRAs that act in the work's first walk."""
    return tuple(lora for lora in work.loras if lora.only != "refiner")


def _loras_of_the_second(work: Work, *, alike: bool) -> tuple[Lora, ...]:
    """Those that act in the second walk, which is the only one of its work."""
    acting = ("", "refiner") if alike else ("refiner",)
    return tuple(replace(lora, only="") for lora in work.loras if lora.only in acting)

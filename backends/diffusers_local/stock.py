"""Works that run through their model's own pipeline, from the prompt to the pixels.

Nothing of such a model is known here but how it is asked (`families`), where its scheduler steps, and what a
step says. The pipeline, its scheduler and its random numbers belong to one work: diffusers' pipelines keep
the state of their call in themselves.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image as Picture

from backends.contract import Work
from backends.diffusers_local.features.canvas import Canvas, lay_canvas
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.stock_model import StockModel
from backends.diffusers_local.pictures.deep import is_deep
from backends.diffusers_local.pictures.sizes import SizePlan, plan_size
from backends.diffusers_local.prepare import Refused, slerp
from backends.diffusers_local.prompts.switching import changes
from backends.diffusers_local.row import Notes
from backends.diffusers_local.samplers.stock import EULER
from backends.diffusers_local.samplers.stock_schedules import is_plain, levels_of, make_scheduler
from backends.diffusers_local.stock_steps import Foresee, NoNumbers, Steps, packed

Tell = Callable[[int, int, Foresee], None]
"""Called after a step with its number, their count, and what gives the clean latents (channels, h, w) it
points to. What it raises ends the drawing and passes through.
"""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished drawing as the model drew it, to be fitted to `plan`; `centred` as for a start picture.

    `finish` puts a drawing of the wanted size back into the picture it began from.
    """

    picture: Picture.Image
    plan: SizePlan
    notes: Notes
    centred: bool = False
    finish: Callable[[Picture.Image], Picture.Image] | None = None


def refuse(work: Work, model: StockModel) -> None:
    """Refuse what this model's pipeline cannot do. Raises Refused."""
    stock, name = model.stock, model.family.name
    fitting = stock.samplers.get(work.sampler)
    if fitting is None:
        raise Refused(f"{name} has no sampler {work.sampler!r}; it has: {', '.join(stock.samplers)}.")
    if work.scheduler not in fitting:
        raise Refused(
            f"On {name} the sampler {work.sampler!r} does not go with the scheduler {work.scheduler!r}; "
            f"it goes with: {', '.join(fitting)}."
        )
    if 0 < work.steps < stock.fewest or (work.steps == 0 and work.init_image is None):
        raise Refused(f"{name} needs at least {stock.fewest} steps; {work.steps} were asked for.")
    if work.init_image is not None and not stock.from_picture and steps_of(work):
        raise Refused(f"{name} cannot begin from a picture; remove the init image, or use another model.")
    if work.init_image is not None and not is_plain(work, model):
        raise Refused(
            f"On {name} the sampler {work.sampler!r} with {work.scheduler!r} cannot begin from a picture; "
            f"take 'euler' with one of: {', '.join(EULER['euler'])}."
        )
    if work.mask is not None and not stock.in_picture:
        raise Refused(f"{name} cannot redraw under a mask; remove it, or use another model.")
    if work.negative_prompt and not stock.negative:
        raise Refused(f"{name} takes no negative prompt; leave it empty.")
    for what, asked in _beyond(work):
        if asked:
            raise Refused(f"{name} models cannot be drawn with {what} here; use another model for that.")


def _beyond(work: Work) -> list[tuple[str, object]]:
    """What only the step loop can do, and whether it is asked for."""
    varied = work.variation_seed is not None and work.variation_strength > 0
    return [
        ("a ControlNet", work.controls),
        ("textual inversions", work.embeddings),
        ("a refiner or upscale pass", work.second),
        ("seamless tiling", work.extra.get("seamlesstileable", "false") != "false"),
        ("a prompt that changes between the steps", changes(work.prompt) or changes(work.negative_prompt)),
        ("16 bits a colour (Color Depth)", is_deep(work.extra)),
        ("an earlier CLIP layer", work.extra.get("clipstopatlayer", 0)),
        ("a variation of an init image", varied and work.init_image is not None),
    ]


def steps_of(work: Work) -> int:
    """Steps that will be walked, fewer from a picture: the pipelines' own arithmetic."""
    if work.init_image is None:
        return work.steps
    part = min(work.steps * min(1.0, max(0.0, work.strength)), work.steps)
    return work.steps - int(max(work.steps - part, 0))


def model_of(kit: Kit) -> StockModel | None:
    """The kit's model when it is one that its own pipeline draws."""
    model: object = kit.model
    return model if isinstance(model, StockModel) else None


def draw(work: Work, kit: Kit, tell: Tell) -> Drawing:
    """Draw one work, checked by `refuse` before. Raises Refused, and what `tell` raises."""
    model = model_of(kit)
    if model is None:
        raise TypeError(f"{kit.model.ref.name!r} is drawn by the step loop, not by its pipeline")
    plan = plan_size(work.width, work.height, work.model.native_sizes, model.multiple)
    canvas = _canvas(work, plan)
    plan = plan if canvas is None else canvas.plan
    notes = _notes(plan)
    count = steps_of(work)
    if canvas is not None and count == 0:
        return Drawing(canvas.start, plan, notes, True, canvas.finish)
    width, height = plan.drawn
    scheduler = make_scheduler(work, model, width * height // model.scale**2)
    pipeline = model.pipeline(_kind(model, canvas), scheduler, kit.vae)
    model.texts.attach(pipeline)
    generator = torch.Generator("cpu").manual_seed(work.seed)
    steps = Steps(scheduler, model, plan, count, tell, generator)
    try:
        with torch.inference_mode(), model.layers.wearing(kit.stack):
            (picture,) = pipeline(**_arguments(work, model, pipeline, plan, canvas, generator)).images
    except NoNumbers:
        raise Refused(
            f"The picture came out as no numbers with sampler {work.sampler!r}, "
            f"scheduler {work.scheduler!r} and CFG {work.cfg_scale:g}; try others."
        ) from None
    finally:
        steps.forget()
        model.texts.detach(pipeline)
    if cut := _cut(work, model, pipeline):
        notes["prompt_cut"] = cut
    if canvas is None:
        return Drawing(picture, plan, notes)
    return Drawing(picture, plan, notes, True, canvas.finish)


def _canvas(work: Work, plan: SizePlan) -> Canvas | None:
    try:
        return lay_canvas(work, plan)
    except ValueError as error:
        raise Refused(str(error)) from error


def _notes(plan: SizePlan) -> Notes:
    return {"drawn_size": f"{plan.drawn[0]}x{plan.drawn[1]}", "fitted": plan.fitted} if plan.fitted else {}


def _kind(model: StockModel, canvas: Canvas | None) -> str:
    """The pipeline class for this work."""
    stock, name = model.stock, model.family.name
    if canvas is None:
        return model.family.pipelines[0]
    if canvas.mask is None:
        return stock.from_picture
    if not stock.in_picture:
        raise Refused(f"{name} cannot redraw under a mask or beyond a picture's edge; use another model.")
    return stock.in_picture


def _arguments(
    work: Work,
    model: StockModel,
    pipeline: Any,
    plan: SizePlan,
    canvas: Canvas | None,
    generator: torch.Generator,
) -> dict[str, Any]:
    """The pipeline's call."""
    stock = model.stock
    width, height = plan.drawn
    known = inspect.signature(pipeline.__call__).parameters
    call: dict[str, Any] = {
        "prompt": work.prompt,
        "width": width,
        "height": height,
        "num_inference_steps": work.steps,
        stock.guidance: work.cfg_scale,
        "generator": generator,
        "output_type": "pil",
    }
    if stock.negative and work.cfg_scale > 1:
        call["negative_prompt"] = work.negative_prompt
    if canvas is not None:
        call |= {"image": canvas.start, "strength": min(1.0, max(0.0, work.strength))}
        if canvas.mask is not None:
            call["mask_image"] = canvas.mask
    elif work.variation_seed is not None and work.variation_strength > 0:
        call["latents"] = _varied(work, model, plan, generator)
    if "intermediate_timesteps" in known and work.steps != 2:
        call["intermediate_timesteps"] = None  # the pipeline has a middle for two steps only
    if levels := levels_of(work, model):
        call["sigmas"] = levels
    return call | {name: value for name, value in stock.arguments.items() if name in known}


def _varied(work: Work, model: StockModel, plan: SizePlan, generator: torch.Generator) -> torch.Tensor:
    """The seed's noise moved towards the variation seed's, as the pipeline takes it."""
    width, height = plan.drawn
    channels = model.parts["transformer"].config.in_channels // (4 if model.stock.packed else 1)
    shape = (1, channels, height // model.scale, width // model.scale)
    other = torch.Generator("cpu").manual_seed(work.variation_seed or 0)
    # Z-Image walks in full precision whatever its denoiser computes in
    dtype = torch.float32 if model.family.id == "z_image" else model.dtype
    noise, aim = (
        randn_tensor(shape, generator=one, device=model.device, dtype=dtype) for one in (generator, other)
    )
    mixed = slerp(noise, aim, min(1.0, work.variation_strength))
    return packed(mixed) if model.stock.packed else mixed


def _cut(work: Work, model: StockModel, pipeline: Any) -> str:
    """What of the prompt did not fit; "" where the pipeline names no length."""
    known = inspect.signature(pipeline.__call__).parameters
    longest = known["max_sequence_length"].default if "max_sequence_length" in known else 0
    tokenizer = model.parts["tokenizer"]
    if not longest or not tokenizer.is_fast:
        return ""
    offsets = tokenizer(work.prompt, return_offsets_mapping=True)["offset_mapping"]
    return work.prompt[offsets[longest - 1][0] :].strip() if len(offsets) > longest else ""

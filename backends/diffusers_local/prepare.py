"""From a work to its row: everything up to the first step."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor

from backends.contract import Work
from backends.diffusers_local.denoisers.unet import embeds_guidance
from backends.diffusers_local.features import second_work
from backends.diffusers_local.features.amounts import amount
from backends.diffusers_local.features.canvas import Canvas, lay_canvas
from backends.diffusers_local.features.control import control
from backends.diffusers_local.features.given import Given
from backends.diffusers_local.features.masking import Masked, cover_mask, show_mask, takes_mask
from backends.diffusers_local.features.tiling import tiling_of
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.pictures.deep import is_deep
from backends.diffusers_local.pictures.latents import encode_picture
from backends.diffusers_local.pictures.pieces import tiles_for
from backends.diffusers_local.pictures.sizes import SizePlan, plan_size
from backends.diffusers_local.prompts.encoding import Asking, Text
from backends.diffusers_local.prompts.switching import at_steps
from backends.diffusers_local.row import Notes, Reading, Row
from backends.diffusers_local.samplers.schedules import step_arguments
from backends.diffusers_local.samplers.walks import Walk

_MOST_PROMPTS = 32
"""Different prompts of one picture: each is kept encoded while it is drawn."""


class Refused(Exception):
    """The work cannot be drawn; the text is a sentence for the user."""


def check(work: Work) -> None:
    """Refuse what would fail later with a riddle. Raises Refused."""
    numbers = (work.cfg_scale, work.strength, work.variation_strength)
    if not all(math.isfinite(number) for number in numbers):
        raise Refused("CFG scale, creativity and variation strength must be finite numbers.")
    for lora in work.loras:
        if not (math.isfinite(lora.weight) and math.isfinite(lora.text_weight)):
            raise Refused(f"The weights of the LoRA {lora.model.name!r} must be finite numbers.")
    if work.width < 1 or work.height < 1:
        raise Refused(f"A picture of {work.width}x{work.height} pixels cannot be drawn.")
    if work.steps < 0:
        raise Refused(f"{work.steps} steps cannot be walked.")
    if work.mask is not None and work.init_image is None:
        raise Refused("A mask needs an initial picture to redraw.")
    if work.second is not None and (why := second_work.refusal(work.second)):
        raise Refused(why)
    _check_depth(work)
    layer = work.extra.get("clipstopatlayer", 0)
    if not isinstance(layer, int) or layer > 0:
        raise Refused(f"CLIP Stop At Layer is {layer!r}; it counts from the end: -1, -2 and so on.")
    try:
        tiles_for(work.extra, (work.width, work.height), 1)
    except ValueError as error:
        raise Refused(str(error)) from error


def _check_depth(work: Work) -> None:
    """Refuse 16 bits a colour where a part of the result would have 8. Raises Refused."""
    if not is_deep(work.extra):
        return
    borders = any(work.extra.get(f"outpaint{side}") for side in ("left", "right", "top", "bottom"))
    if work.format != "PNG":
        raise Refused("Color Depth is 16 bits, and only PNG has room for that; set Image Format to PNG.")
    if work.mask is not None or borders:
        raise Refused(
            "Color Depth is 16 bits, and a mask or new borders keep parts of a picture with 8; set Color "
            "Depth to 8 bits, or redraw the whole picture."
        )
    if work.second is not None and second_work.second_work(work) is None and work.second.upscale != 1:
        raise Refused(
            "Color Depth is 16 bits, and enlarging without redrawing keeps 8; set Color Depth to 8 bits, or "
            "Refiner Control Percentage above 0."
        )


def prepare(work: Work, kit: Kit, given: Given | None = None) -> Row:
    """Everything up to the first step, with the arithmetic and the order of random numbers of the stock
    pipelines.

    `given` stands for the work's initial picture, mask and size: what a pass before has drawn.
    Raises Refused.
    """
    model = kit.model
    plan = plan_size(work.width, work.height, work.model.native_sizes, model.scale * model.family.patch)
    try:
        canvas = lay_canvas(work, plan) if given is None else given.canvas
        plan = given.plan if given is not None else plan if canvas is None else canvas.plan
        scheduler, times = begin_walk(work, model, plan, given)
        generator = torch.Generator("cpu").manual_seed(work.seed)
        latents, masked, seen = _begin(work, kit, plan, canvas, given, scheduler, times, generator)
        tiling = tiling_of(work, model.parts)
        controls, followed = control(work, kit.controls, model, plan, canvas)
        each = _texts(work, kit, math.ceil(len(times) / scheduler.order))
        readings = _readings(work, model, plan, each, seen | followed)
    except ValueError as error:
        raise Refused(str(error)) from error
    return Row(
        work=work,
        kit=kit,
        plan=plan,
        cfg_scale=work.cfg_scale,
        scheduler=scheduler,
        times=times,
        arguments=step_arguments(scheduler, generator),
        latents=latents,
        states=readings[0].states,
        conditions=readings[0].conditions,
        readings=readings if len(readings) > 1 else (),
        notes=_notes(plan, each),
        load_seconds=kit.seconds,
        start=None if canvas is None else canvas.start,
        masked=masked,
        tiling=tiling,
        controls=controls,
    )


def _begin(
    work: Work,
    kit: Kit,
    plan: SizePlan,
    canvas: Canvas | None,
    given: Given | None,
    scheduler: Any,
    times: torch.Tensor,
    generator: torch.Generator,
) -> tuple[torch.Tensor, Masked | None, dict[str, torch.Tensor]]:
    """The latents to walk from, what a mask keeps of them, and what a UNet for redrawing sees beside them.

    Under a mask the stock pipelines begin a full redraw with pure noise, without one with a trace of the
    picture.
    """
    walks, wide = len(times) > 0, takes_mask(kit.model)
    masks = wide or (canvas is not None and canvas.mask is not None)
    pure = canvas is None or (masks and work.strength >= 1)
    kept = walked = None
    if given is not None:
        kept, walked, pure = given.latents, given.walked, given.anew
    if kept is None and canvas is not None and walks and not (wide and pure):
        kept = encode_picture(kit, canvas.start, generator, work.extra)
        if masks:
            # laid out as the stock pipeline's copy for a batch: convolutions round by how numbers lie
            kept = kept.contiguous()
    if walked is not None and canvas is None:
        noise = walked  # nothing needs fresh noise, and as the stock pipelines none is drawn
    else:
        noise = _noise(work, kit.model, plan, generator)
    if walked is not None:
        latents = walked
    elif kept is None or pure:
        latents = kit.model.schedules.first(scheduler, noise) if walks else noise
    else:
        norm = amount(work, "initimageresettonorm", 0, 1)
        kept_part = kept * (1 - norm) if norm else kept
        latents = kit.model.schedules.noised(scheduler, kept_part, noise, times[:1])
    masked = None
    if canvas is not None:
        masked = cover_mask(work, kit, canvas, None if wide else kept, noise, generator)
    seen = {"inpaint": show_mask(kit, canvas, plan, generator)} if wide and walks else {}
    return latents, masked, seen


def _texts(work: Work, kit: Kit, steps: int) -> list[list[Text]]:
    """The negative prompt, where there is guidance, and the prompt: for each step where they change between
    them, else once. Raises ValueError.
    """
    texts, layers = kit.model.texts, kit.model.layers
    guides = work.cfg_scale > 1 and not embeds_guidance(kit.model.parts)

    def read(prompts: tuple[str, str], least: int = 0) -> list[Text]:
        prompt, negative = prompts
        # asked for each time: what the encoders wear is known only while they wear it
        asking = Asking(-int(work.extra.get("clipstopatlayer", 0)), kit.embeddings, layers.read_under)
        if guides:
            return texts.guided(prompt, negative, asking, least=least)
        return texts.alone(prompt, asking, least=least)

    each = _changing(work, steps, guides)
    with layers.reading(kit.stack):
        # read once for the lengths and once more, from memory, at the length of the longest
        known = {prompts: read(prompts) for prompts in dict.fromkeys(each)}
        longest = max(pair[-1].states.shape[1] for pair in known.values())
        if len(known) > 1:
            known = {prompts: read(prompts, longest) for prompts in known}
    return [known[prompts] for prompts in each]


def _changing(work: Work, steps: int, guides: bool) -> list[tuple[str, str]]:
    """The prompt and the negative prompt at each step, once where neither changes. Raises ValueError."""
    prompts = at_steps(work.prompt, steps)
    negatives = at_steps(work.negative_prompt, steps) if guides else ("",)
    count = max(len(prompts), len(negatives))
    each = [(prompts[step % len(prompts)], negatives[step % len(negatives)]) for step in range(count)]
    if len(set(each)) > _MOST_PROMPTS:
        raise ValueError(
            f"The prompt changes between {len(set(each))} texts over the steps, at most {_MOST_PROMPTS} "
            "are read; use fewer items in its brackets."
        )
    return each


def _readings(
    work: Work,
    model: Model,
    plan: SizePlan,
    each: Sequence[Sequence[Text]],
    others: Mapping[str, torch.Tensor],
) -> tuple[Reading, ...]:
    """What the denoiser is told at each step, once where it never changes. Raises ValueError."""
    known: dict[int, Reading] = {}
    for texts in each:
        if id(texts) not in known:
            conditions = {
                **model.denoiser.conditions(work, texts, plan),
                **{name: torch.cat([tensor] * len(texts)) for name, tensor in others.items()},
            }
            known[id(texts)] = Reading(torch.cat([text.states for text in texts]), conditions)
    if len({_shapes(reading) for reading in known.values()}) > 1:
        raise ValueError(
            "This model reads prompts of different lengths differently and cannot change between these while "
            "it draws; write items of equal length, or take the changing brackets out."
        )
    return tuple(known[id(texts)] for texts in each)


def _shapes(reading: Reading) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(tensor.shape) for tensor in (reading.states, *reading.conditions.values()))


def begin_walk(work: Work, model: Model, plan: SizePlan, given: Given | None) -> tuple[Any, torch.Tensor]:
    """The scheduler and the times to walk. Raises ValueError for what this kind of model cannot walk."""
    whole = work.init_image is None if given is None else given.anew
    strength = None if whole else min(1.0, max(0.0, work.strength))
    cells = (plan.drawn[0] // model.scale) * (plan.drawn[1] // model.scale)
    walk = Walk(work.sampler, work.scheduler, work.steps, strength, cells)
    if why := model.schedules.refusal(walk):
        raise ValueError(why)
    return model.schedules.begin(walk, model.device)


def _noise(work: Work, model: Model, plan: SizePlan, generator: torch.Generator) -> torch.Tensor:
    """The seed's noise, moved towards the variation seed's; made on the processor whatever the device."""
    width, height = plan.drawn
    shape = (1, model.denoiser.channels, height // model.scale, width // model.scale)
    noise = randn_tensor(shape, generator=generator, device=model.device, dtype=model.dtype)
    if work.variation_seed is not None and work.variation_strength > 0:
        other = torch.Generator("cpu").manual_seed(work.variation_seed)
        aim = randn_tensor(shape, generator=other, device=model.device, dtype=model.dtype)
        noise = slerp(noise, aim, min(1.0, work.variation_strength))
    return noise


def slerp(one: torch.Tensor, other: torch.Tensor, part: float) -> torch.Tensor:
    """From `one` (part 0) to `other` (part 1) along the sphere: the mixture of two noises is noise of the
    same size.
    """
    a, b = one.float().flatten(), other.float().flatten()
    cosine = torch.clamp(torch.dot(a / a.norm(), b / b.norm()), -1, 1)
    angle = torch.acos(cosine)
    if float(torch.sin(angle)) < 1e-6:
        return torch.lerp(one, other, part)
    mixed = (
        torch.sin((1 - part) * angle) * one.float() + torch.sin(part * angle) * other.float()
    ) / torch.sin(angle)
    return mixed.to(one.dtype)


def _notes(plan: SizePlan, each: Sequence[Sequence[Text]]) -> Notes:
    texts = each[0]
    notes: Notes = {}
    if plan.fitted:
        notes["drawn_size"] = f"{plan.drawn[0]}x{plan.drawn[1]}"
        notes["fitted"] = plan.fitted
    if unknown := list(dict.fromkeys(word for pair in each for word in pair[-1].unknown)):
        notes["unknown_words"] = unknown
    if texts[-1].cut:
        notes["prompt_cut"] = texts[-1].cut
    if len(texts) > 1 and texts[0].cut:
        notes["negative_prompt_cut"] = texts[0].cut
    return notes

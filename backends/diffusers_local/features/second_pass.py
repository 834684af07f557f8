"""The second pass of a work: its first drawing enlarged, its last part redrawn, by the same model or another.

`follow` readies a first row for it. When that row has taken its last step, its `after` makes the next one
piece by piece (decode, enlarge, encode), so that others' steps go on between. Source of the methods:
swarm-api, `refinermethod` and `refinerupscalemethod`.
"""

import copy
from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from msgspec import structs
from PIL import Image as Picture
from torch.nn import functional

from backends.contract import SecondPass, Work
from backends.diffusers_local.features.canvas import Canvas, lay_canvas
from backends.diffusers_local.features.enlarging import drawing_of, enlarged, tiles_of
from backends.diffusers_local.features.given import Given
from backends.diffusers_local.features.patches import patches_for
from backends.diffusers_local.features.second_work import final_size, second_work
from backends.diffusers_local.features.tiling import tiling_of
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.pictures import pictures
from backends.diffusers_local.pictures.sizes import Size, SizePlan, plan_size
from backends.diffusers_local.prepare import Refused, begin_walk, prepare
from backends.diffusers_local.row import Row

INTERMEDIATE = "outputintermediateimages"
"""Among a work's `extra`: the first pass's drawing is wanted too. One that goes on with its noise is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """What lies between a work's first row and what comes after: the `size` of the result, `work` and `kit`
    of the second pass (None: nothing is redrawn).

    `anew` says that the second pass begins with noise only; `cut` is the time step (1,) at which the first
    walk stops with its noise kept (None: it does not).
    """

    asked: SecondPass
    size: Size
    work: Work | None
    kit: Kit | None
    anew: bool = False
    cut: torch.Tensor | None = None

    @property
    def model(self) -> Model | None:
        """The second pass's model."""
        return None if self.kit is None else self.kit.model

    def plan(self) -> SizePlan:
        """How the second pass draws its result: in its own size, whatever sizes its model is best at."""
        multiple = 1 if self.model is None else self.model.scale * self.model.family.patch
        return plan_size(*self.size, (), multiple)


def follow(row: Row) -> Row:
    """A row just prepared, ready for its work's second pass if it has one.

    Raises prepare.Refused for a second pass that cannot be drawn.
    """
    second = row.work.second
    if second is None:
        return row
    size, work = final_size(row.work), second_work(row.work)
    passage = Passage(second, size, work, row.kit.second)
    if work is not None and passage.model is not None:
        if passage.model.family.denoiser == "stock":
            raise Refused(
                f"The model {work.model.name!r} cannot redraw another's picture here; choose another refiner."
            )
        _check_tiling(work, passage.model)
        if second.method != "PostApply":
            passage = _cut(row, passage, work)
    if passage.work is None and size == (row.work.width, row.work.height) and row.kit.upscaler is None:
        return row
    row.after = partial(_after, passage)
    row.ahead = _steps_of(passage) + tiles_of(row)
    return row


def _check_tiling(work: Work, model: Model) -> None:
    """Refuse before the first step what the second pass would be refused for. Raises Refused."""
    try:
        tiling_of(work, model.parts)
    except ValueError as error:
        raise Refused(str(error)) from error


def _cut(row: Row, passage: Passage, work: Work) -> Passage:
    """Leave the last part of the walk to the second pass."""
    order = row.scheduler.order
    left = _steps_walked(structs.replace(row.work, strength=work.strength), row.model, row.plan)
    kept = max(0, row.own_steps - left)
    if not left:
        return passage  # of so few steps none can be left: the finished drawing is redrawn
    at, row.times = row.times[kept * order :][:1], row.times[: kept * order]
    if not kept:
        # none of the walk is the first model's: the second begins with what the first would have
        passage = replace(
            passage,
            work=structs.replace(work, strength=min(work.strength, row.work.strength)),
            anew=row.start is None,
        )
        return passage if _steps_of(passage) else replace(passage, work=None, kit=None)
    noisy = passage.asked.method == "StepSwapNoisy" and _goes_on(row, passage)
    row.to_the_end = not noisy
    return replace(passage, cut=at if noisy else None)


def _goes_on(row: Row, passage: Passage) -> bool:
    """Whether the second model can take noisy latents over as they are: of the same space, size and kind of
    noise. Under a mask they are cleaned first, because what lies around is kept clean.
    """
    model = passage.model
    if model is None or row.masked is not None or passage.size != (row.work.width, row.work.height):
        return False
    return model.family.sampling == row.model.family.sampling and _takes_over(row, passage)


def _steps_of(passage: Passage) -> int:
    """Steps of the second row."""
    if passage.work is None or passage.model is None:
        return 0
    return _steps_walked(passage.work, passage.model, passage.plan(), anew=passage.anew)


def _steps_walked(work: Work, model: Model, plan: SizePlan, *, anew: bool = False) -> int:
    """Steps of the last part, `strength`, of a work's walk; each kind of model rounds in its own way."""
    given = Given(plan) if anew else Given(plan, walked=torch.empty(0))
    try:
        scheduler, times = begin_walk(work, model, plan, given)
    except ValueError as error:
        raise Refused(str(error)) from error
    return -(-len(times) // scheduler.order)


# ---- between the rows --------------------------------------------------------------------------------------


def _after(passage: Passage, row: Row) -> Generator[int, None, Row]:
    """The work's next row from its first: the second pass, or a finished one when nothing is redrawn."""
    if passage.anew:
        given = Given(passage.plan())
    elif passage.cut is not None:
        given = Given(row.plan, walked=row.latents)
    elif _as_latents(row, passage):
        if row.work.extra.get(INTERMEDIATE):
            row.passed = yield from drawing_of(row)
            yield 0
        given = _enlarge_latents(row, passage)
    else:
        picture = yield from drawing_of(row)
        row.passed = picture if row.work.extra.get(INTERMEDIATE) else None
        yield 0
        picture = yield from enlarged(row, picture, passage.size, passage.asked.upscale_method)
        if passage.work is None:
            plan = SizePlan(passage.size, passage.size, passage.size)
            return _finished(row, passage, plan, start=picture, masked=None)
        given = _placed(row, passage, picture)
    yield 0
    if passage.work is None or passage.kit is None:
        return _finished(row, passage, given.plan, latents=given.latents)
    second = _in_patches(prepare(passage.work, passage.kit, given))
    return _joined(row, passage, second, given)


def _in_patches(second: Row) -> Row:
    """Asked for patch by patch, where the work wants that. (Not seamless: a patch has no other side.)"""
    if not second.work.extra.get("refinerdotiling") or second.tiling:
        return second
    model = second.model
    patches = patches_for(second.plan.drawn, model.scale, model.scale * model.family.patch)
    return replace(second, patches=patches)


def _finished(row: Row, passage: Passage, plan: SizePlan, **changes: Any) -> Row:
    """The row with nothing left to do but to be delivered."""
    width, height = passage.size
    work = structs.replace(row.work, width=width, height=height, second=None)
    return replace(
        row,
        work=work,
        plan=plan,
        times=row.times[:0],
        before=row.step + tiles_of(row),
        index=0,
        after=None,
        ahead=0,
        to_the_end=False,
        **changes,
    )


def _joined(row: Row, passage: Passage, second: Row, given: Given) -> Row:
    """The second row, going on with what the first one has counted and noted."""
    second.before = row.step + tiles_of(row)
    second.notes = row.notes | second.notes
    second.load_seconds, second.begun, second.shown = row.load_seconds, row.begun, row.shown
    if given.canvas is None:
        second.start = row.start
    if passage.cut is not None:
        second.latents = _in_its_measure(row, passage.cut, second)
    return second


def _in_its_measure(row: Row, cut: torch.Tensor, second: Row) -> torch.Tensor:
    """Noisy latents as the second sampler counts them: some add noise to the picture, others mix the two."""
    measures = [
        float(one.model.schedules.given(copy.deepcopy(one.scheduler), torch.ones(1, 1, 1, 1), time))
        for one, time in ((row, cut[0]), (second, second.times[0]))
    ]
    adds = [abs(measure - 1) > 1e-6 for measure in measures]
    if adds[0] == adds[1]:
        return second.latents
    return second.latents * (measures[0] / measures[1])


# ---- as latents --------------------------------------------------------------------------------------------


def _as_latents(row: Row, passage: Passage) -> bool:
    """Whether the drawing need not become a picture in between."""
    same_size = passage.size == (row.work.width, row.work.height)
    in_latents = passage.asked.upscale_method.startswith("latent-")
    if not len(row.times) or row.kit.upscaler is not None or not (same_size or in_latents):
        return False
    if passage.work is None and row.start is not None:
        return False  # a row with a start and no steps is delivered as that start
    return (same_size or row.masked is None) and _takes_over(row, passage)


def _takes_over(row: Row, passage: Passage) -> bool:
    """Whether the second pass's latents stand for the same pictures as the first's: their autoencoders are of
    one kind and measure alike. (Only those of one family do, and these differ in nothing else.)
    """
    kit = passage.kit
    if kit is None:
        return True
    multiple = kit.model.scale * kit.model.family.patch
    if any(side % multiple for side in row.plan.drawn):
        return False
    return kit.vae is row.kit.vae or _measure(row.kit) == _measure(kit)


def _measure(kit: Kit) -> tuple[object, ...]:
    config = kit.vae.config
    names = ("latent_channels", "scaling_factor", "shift_factor")
    return type(kit.vae), kit.model.scale, *(getattr(config, name, None) for name in names)


def _enlarge_latents(row: Row, passage: Passage) -> Given:
    """The drawing as latents of the new size."""
    if passage.size == (row.work.width, row.work.height):
        canvas = _canvas(row) if row.masked is not None else None
        return Given(row.plan, canvas, latents=row.latents)
    model = passage.model or row.model
    multiple, upscale = model.scale * model.family.patch, passage.asked.upscale
    width, height = (max(multiple, round(side * upscale / multiple) * multiple) for side in row.plan.drawn)
    mode = passage.asked.upscale_method.removeprefix("latent-")
    cells = (height // model.scale, width // model.scale)
    latents = functional.interpolate(row.latents.float(), cells, mode=mode).to(row.latents.dtype)
    # what was cropped of the first drawing is cropped of this one
    parts = [scaled / drawn for scaled, drawn in zip(row.plan.scaled, row.plan.drawn, strict=True)]
    covering = (
        max(passage.size[0], round(width * parts[0])),
        max(passage.size[1], round(height * parts[1])),
    )
    return Given(SizePlan((width, height), covering, passage.size), latents=latents)


# ---- as a picture ------------------------------------------------------------------------------------------


def _placed(row: Row, passage: Passage, picture: Picture.Image) -> Given:
    """The enlarged picture as the second pass begins with it; what a mask kept of the first is kept again."""
    plan, mask, soft, recomposite = passage.plan(), None, None, True
    if row.masked is not None:
        first = _canvas(row)
        recomposite = first.recomposite
        if first.soft is not None:
            soft = first.soft.resize(passage.size, Picture.Resampling.BICUBIC)
            mask = pictures.place_start(soft.convert("RGB"), plan).convert("L")
    start = pictures.place_start(picture, plan)
    canvas = Canvas(plan, start, mask, picture, soft, recomposite=recomposite)
    return Given(plan, canvas)


def _canvas(row: Row) -> Canvas:
    """The canvas of a row with a mask, as prepare has laid it."""
    work, multiple = row.work, row.model.scale * row.model.family.patch
    canvas = lay_canvas(work, plan_size(work.width, work.height, work.model.native_sizes, multiple))
    if canvas is None:
        raise ValueError("the mask's canvas is gone")
    return canvas

"""Alone in the batch our own step loop gives the stock pipeline's latents, to the last bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline, StableDiffusionPipeline
from PIL import Image as Picture

from backends.contract import Work
from backends.diffusers_local import steps
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.pictures.pictures import encode
from backends.diffusers_local.prepare import prepare
from backends.diffusers_local.row import Row
from backends.diffusers_local.samplers.sampling import SAMPLERS
from tests.backends.diffusers_local.conftest import a_work, scheduler_of

COMBINATIONS = [
    (name, schedule)
    for name, sampler in SAMPLERS.items()
    if not name.endswith("_gpu")  # the same by another name
    for schedule in sampler.schedulers
]

# with a starting picture only where the walk begins is new, so two schedules a sampler tell
BOTH_ENDS = [
    (name, schedule)
    for name, schedule in COMBINATIONS
    if schedule in (SAMPLERS[name].schedulers[0], SAMPLERS[name].schedulers[-1])
]


def stock(kind: Any, model: Model, scheduler: Any) -> Any:
    pipeline = kind(
        **model.parts,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def walk(work: Work, model: Model) -> Row:
    with torch.inference_mode():
        row = prepare(work, Kit(model))
        while not row.finished:
            (prediction,) = steps.predict([row])
            steps.advance(row, prediction)
    return row


def same_request(work: Work, model: Model) -> dict[str, Any]:
    return {
        "prompt": work.prompt,
        "negative_prompt": work.negative_prompt,
        "num_inference_steps": work.steps,
        "guidance_scale": work.cfg_scale,
        "generator": torch.Generator("cpu").manual_seed(work.seed),
        "output_type": "latent",
    }


@pytest.mark.parametrize(("sampler", "schedule"), COMBINATIONS)
def test_text_to_image_is_the_stock_pipelines(
    folder: Path, model: Model, sampler: str, schedule: str
) -> None:
    cfg = 1.0 if schedule == "simple" else 5.0
    work = a_work(folder, sampler=sampler, scheduler=schedule, cfg_scale=cfg, negative_prompt="blue", steps=4)
    expected = stock(StableDiffusionPipeline, model, scheduler_of(model, sampler, schedule))(
        **same_request(work, model), width=64, height=64
    ).images
    assert torch.isfinite(expected).all()
    assert torch.equal(walk(work, model).latents, expected)


@pytest.mark.parametrize(("sampler", "schedule"), BOTH_ENDS)
def test_image_to_image_is_the_stock_pipelines(
    folder: Path, model: Model, sampler: str, schedule: str
) -> None:
    start = Picture.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    work = a_work(
        folder,
        sampler=sampler,
        scheduler=schedule,
        steps=6,
        strength=0.7,
        init_image=encode(start, "PNG", 100),
    )
    scheduler = scheduler_of(model, sampler, schedule)
    expected = stock(StableDiffusionImg2ImgPipeline, model, scheduler)(
        **same_request(work, model), image=start, strength=0.7
    ).images
    row = walk(work, model)
    assert torch.equal(row.latents, expected)
    assert row.steps == 4 + (sampler == "plms")  # its first step is walked twice


@pytest.mark.parametrize("sampler", sorted({sampler for sampler, _ in COMBINATIONS}))
@pytest.mark.parametrize("strength", [0.7, 1.0])
def test_redrawing_under_a_mask_is_the_stock_pipelines(
    folder: Path, model: Model, sampler: str, strength: float
) -> None:
    start = Picture.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    mask = Picture.fromarray(np.repeat(np.arange(64)[None] > 31, 64, 0).astype(np.uint8) * 255)
    schedule = SAMPLERS[sampler].schedulers[0]
    work = a_work(
        folder,
        sampler=sampler,
        scheduler=schedule,
        steps=6,
        strength=strength,
        init_image=encode(start, "PNG", 100),
        mask=encode(mask, "PNG", 100),
        extra={"maskblur": 0},
    )
    expected = stock(StableDiffusionInpaintPipeline, model, scheduler_of(model, sampler, schedule))(
        **same_request(work, model), image=start, mask_image=mask, strength=strength, width=64, height=64
    ).images
    assert torch.equal(walk(work, model).latents, expected)


@pytest.mark.parametrize("sampler", sorted({sampler for sampler, _ in COMBINATIONS}))
@pytest.mark.parametrize("count", [1, 4])
def test_a_zero_signal_schedule_stays_finite(
    zero_folder: Path, zero_model: Model, sampler: str, count: int
) -> None:
    for schedule in SAMPLERS[sampler].schedulers[: None if count > 1 else 1]:
        work = a_work(zero_folder, sampler=sampler, scheduler=schedule, steps=count, cfg_scale=1.0)
        row = walk(work, zero_model)
        assert torch.isfinite(row.latents).all(), schedule
        assert row.step == row.steps == count + (sampler == "plms" and count > 1)


def test_pixels_are_the_stock_pipelines(folder: Path, model: Model, studio: Any) -> None:
    work = a_work(folder, sampler="dpmpp_2m", scheduler="karras", deterministic=True)
    (ours,) = studio.draw(work)
    request = same_request(work, model) | {"output_type": "pil", "width": 64, "height": 64}
    scheduler = scheduler_of(model, "dpmpp_2m", "karras")
    (theirs,) = stock(StableDiffusionPipeline, model, scheduler)(**request).images
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))

"""Stable Diffusion XL with its refiner: the two stock pipelines, one after the other, to the last bit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline
from msgspec import structs

from backends.contract import ModelRef, SecondPass
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model, load_model
from tests.backends.diffusers_local.conftest import Studio, a_work, ref_of
from tests.backends.diffusers_local.passes import walk_all
from tests.backends.diffusers_local.test_stable_diffusion_xl_refiner import build_refiner
from tests.backends.diffusers_local.xl import build_xl


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models")
    build_xl().save_pretrained(path / "base")
    build_refiner().save_pretrained(path / "refiner")
    return path


@pytest.fixture(scope="module")
def base(home: Path) -> Model:
    return load_model(ref_of(home / "base"), torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def refiner(home: Path) -> Model:
    return load_model(ref_of(home / "refiner"), torch.device("cpu"), torch.float32)


def refining(refiner: Model, sampler: str) -> Any:
    schedules: Any = refiner.schedules
    pipeline = StableDiffusionXLImg2ImgPipeline(
        **refiner.parts,
        text_encoder=None,
        tokenizer=None,
        scheduler=schedules.make(sampler, "normal"),
        force_zeros_for_empty_prompt=False,
        requires_aesthetics_score=True,
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.mark.parametrize("sampler", ["euler", "ddim", "dpmpp_2m", "euler_ancestral"])
@pytest.mark.parametrize("method", ["StepSwapNoisy", "PostApply"])
def test_it_is_the_two_stock_pipelines(
    home: Path, base: Model, refiner: Model, sampler: str, method: str
) -> None:
    second = SecondPass(0.3, method=method, model=refiner.ref)
    work = a_work(home / "base", sampler=sampler, steps=10, negative_prompt="blue", second=second)
    schedules: Any = base.schedules
    made = schedules.make(sampler, "normal")
    made.set_timesteps(10)
    # the stock pipelines cut at a time step, not after a number of them: at one between the two
    end = 1 - float(made.timesteps[6:8].float().mean().round()) / 1000
    first = StableDiffusionXLPipeline(
        **base.parts, scheduler=schedules.make(sampler, "normal"), add_watermarker=False
    )
    first.set_progress_bar_config(disable=True)
    asked: dict[str, Any] = {
        "prompt": work.prompt,
        "negative_prompt": "blue",
        "num_inference_steps": 10,
        "guidance_scale": work.cfg_scale,
        "output_type": "latent",
    }
    cut = method == "StepSwapNoisy"
    drawn = first(
        **asked,
        width=64,
        height=64,
        denoising_end=end if cut else None,
        generator=torch.Generator().manual_seed(work.seed),
    ).images
    # stock refiners take the size from the picture, of which they take latents for one
    sizes = dict.fromkeys(("original_size", "target_size"), (64, 64))
    expected = refining(refiner, sampler)(
        **asked,
        **sizes,
        image=drawn,
        generator=torch.Generator().manual_seed(work.seed + 1),
        **({"denoising_start": end} if cut else {"strength": 0.3}),
    ).images
    one, two = walk_all(work, Kit(base, second=Kit(refiner)))
    assert torch.equal(one.latents, drawn)
    assert torch.equal(two.latents, expected)


def test_in_the_loop_with_strangers(home: Path, studio: Studio) -> None:
    refiner = ModelRef("refiner", str(home / "refiner"), "stable-diffusion-xl-v1-refiner")
    second = SecondPass(0.5, method="StepSwap", model=refiner, upscale=1.5)
    works = [a_work(home / "base", n, second=second) for n in range(3)]
    works.append(structs.replace(a_work(home / "base", 3), width=96, height=96))
    assert {picture.size for picture in studio.draw(*works)} == {(96, 96)}

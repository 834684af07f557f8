"""CLIP Stop At Layer: the stock pipelines' `clip_skip`, counted as SwarmUI counts."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from transformers import CLIPTextModel

from backends.contract import Failed
from backends.diffusers_local import steps
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model, load_model
from backends.diffusers_local.prepare import prepare
from tests.backends.diffusers_local.conftest import Studio, a_work, build_pipeline, ref_of, scheduler_of
from tests.backends.diffusers_local.xl import a_text_encoder, build_xl


def saved(pipeline: Any, path: Path) -> Path:
    pipeline.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stable Diffusion with a text encoder of three layers."""
    pipeline = build_pipeline()
    pipeline.register_modules(text_encoder=a_text_encoder(CLIPTextModel, 32, 3))
    return saved(pipeline, tmp_path_factory.mktemp("models") / "deep")


@pytest.fixture(scope="module")
def xl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stable Diffusion XL with text encoders of three and four layers."""
    return saved(build_xl(), tmp_path_factory.mktemp("models") / "xl")


def load(path: Path) -> Model:
    return load_model(ref_of(path), torch.device("cpu"), torch.float32)


def ours(path: Path, model: Model, layer: int | None) -> torch.Tensor:
    extra = {} if layer is None else {"clipstopatlayer": layer}
    work = a_work(path, negative_prompt="blue", extra=extra)
    with torch.inference_mode():
        row = prepare(work, Kit(model))
        while not row.finished:
            (prediction,) = steps.predict([row])
            steps.advance(row, prediction)
    return row.latents


def stock(pipeline: Any, path: Path, model: Model, skip: int | None) -> torch.Tensor:
    work = a_work(path)
    pipeline.scheduler = scheduler_of(model, "euler", "normal")
    pipeline.set_progress_bar_config(disable=True)
    drawn: torch.Tensor = pipeline(
        work.prompt,
        negative_prompt="blue",
        clip_skip=skip,
        num_inference_steps=work.steps,
        guidance_scale=work.cfg_scale,
        width=64,
        height=64,
        generator=torch.Generator("cpu").manual_seed(work.seed),
        output_type="latent",
    ).images
    return drawn


@pytest.mark.parametrize(("layer", "skip"), [(None, None), (-1, None), (-1, 0), (-2, 1), (-3, 2)])
def test_stable_diffusion(
    deep: Path, monkeypatch: pytest.MonkeyPatch, layer: int | None, skip: int | None
) -> None:
    # the stock pipeline still looks for the text tower where transformers 5 has it no more
    monkeypatch.setattr(CLIPTextModel, "text_model", property(lambda self: self), raising=False)
    model = load(deep)
    pipeline = StableDiffusionPipeline.from_pretrained(deep)
    assert torch.equal(ours(deep, model, layer), stock(pipeline, deep, model, skip))


def test_it_needs_no_text_tower_of_that_name(deep: Path) -> None:
    model = load(deep)
    assert not hasattr(model.parts["text_encoder"], "text_model")
    assert not torch.equal(ours(deep, model, -2), ours(deep, model, -1))


@pytest.mark.parametrize(("layer", "skip"), [(None, None), (-2, None), (-2, 0), (-3, 1), (-1, -1)])
def test_stable_diffusion_xl(xl: Path, layer: int | None, skip: int | None) -> None:
    model = load(xl)
    pipeline = StableDiffusionXLPipeline.from_pretrained(xl, add_watermarker=False)
    assert torch.equal(ours(xl, model, layer), stock(pipeline, xl, model, skip))


@pytest.mark.parametrize(
    ("layer", "word"), [(-4, "text_encoder has only 3 layers"), (2, "counts from the end"), ("x", "counts")]
)
def test_layers_that_are_none(xl: Path, studio: Studio, layer: int | str, word: str) -> None:
    work = a_work(xl, extra={"clipstopatlayer": layer})
    studio.submit(work)
    studio.finish(work)
    assert word in studio.of(Failed, work.id)[0].reason

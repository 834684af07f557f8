"""UNets that take the guidance scale themselves (LCM): the stock pipelines' latents, one line a row."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    LatentConsistencyModelPipeline,
    LCMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)

from backends.contract import Work
from backends.diffusers_local import steps
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model, load_model
from backends.diffusers_local.loop.batching import BatchSize
from backends.diffusers_local.prepare import prepare
from tests.backends.diffusers_local.conftest import Studio, a_work, build_pipeline, ref_of, scheduler_of
from tests.backends.diffusers_local.xl import build_xl


def distilled(pipeline: Any) -> Any:
    torch.manual_seed(2)
    config = dict(pipeline.unet.config) | {"time_cond_proj_dim": 16, "_use_default_values": []}
    pipeline.unet = UNet2DConditionModel.from_config(config).eval()
    with torch.no_grad():
        pipeline.unet.time_embedding.cond_proj.weight.normal_(0, 1)
    return pipeline


@pytest.fixture(scope="module")
def lcm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "lcm"
    made = distilled(build_pipeline())
    scheduler = LCMScheduler.from_config(made.scheduler.config)
    LatentConsistencyModelPipeline(
        **{**made.components, "scheduler": scheduler}, requires_safety_checker=False
    ).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def lcm(lcm_folder: Path) -> Model:
    return load_model(ref_of(lcm_folder), torch.device("cpu"), torch.float32)


def walk(work: Work, model: Model) -> torch.Tensor:
    with torch.inference_mode():
        row = prepare(work, Kit(model))
        assert len(row.states) == 1
        while not row.finished:
            (prediction,) = steps.predict([row])
            steps.advance(row, prediction)
    return row.latents


def stock(kind: Any, model: Model, work: Work, **extra: Any) -> torch.Tensor:
    pipeline = kind(
        **model.parts,
        scheduler=scheduler_of(model, work.sampler, work.scheduler),
        feature_extractor=None,
        **extra,
    )
    pipeline.set_progress_bar_config(disable=True)
    drawn: torch.Tensor = pipeline(
        work.prompt,
        num_inference_steps=work.steps,
        guidance_scale=work.cfg_scale,
        generator=torch.Generator("cpu").manual_seed(work.seed),
        width=64,
        height=64,
        output_type="latent",
    ).images
    assert torch.isfinite(drawn).all()
    return drawn


SAFE: dict[str, Any] = {"safety_checker": None, "requires_safety_checker": False}


@pytest.mark.parametrize("cfg", [1.0, 8.5])
def test_it_is_the_stock_lcm_pipelines(lcm_folder: Path, lcm: Model, cfg: float) -> None:
    work = a_work(lcm_folder, sampler="lcm", scheduler="normal", cfg_scale=cfg)
    assert torch.equal(walk(work, lcm), stock(LatentConsistencyModelPipeline, lcm, work, **SAFE))


@pytest.mark.parametrize("sampler", ["euler", "lcm", "ddim"])
def test_it_is_the_ordinary_stock_pipelines(lcm_folder: Path, lcm: Model, sampler: str) -> None:
    work = a_work(lcm_folder, sampler=sampler, cfg_scale=3.0, negative_prompt="blue")
    assert torch.equal(walk(work, lcm), stock(StableDiffusionPipeline, lcm, work, **SAFE))


def test_xl(tmp_path: Path) -> None:
    distilled(build_xl()).save_pretrained(tmp_path / "xl")
    model = load_model(ref_of(tmp_path / "xl"), torch.device("cpu"), torch.float32)
    work = a_work(tmp_path / "xl", sampler="lcm", cfg_scale=6.0)
    assert torch.equal(
        walk(work, model), stock(StableDiffusionXLPipeline, model, work, add_watermarker=False)
    )


def test_each_row_is_told_its_own_scale(
    lcm_folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BatchSize, "wanted", lambda self, available, *rest: available)
    counts: list[int] = []
    predict = steps.predict
    monkeypatch.setattr(steps, "predict", lambda rows: counts.append(len(rows)) or predict(rows))
    scales = (1.0, 4.0, 9.0)
    together = [a_work(lcm_folder, n, seed=7, sampler="lcm", cfg_scale=s) for n, s in enumerate(scales)]
    alone = [
        a_work(lcm_folder, n + 10, seed=7, sampler="lcm", cfg_scale=s, deterministic=True)
        for n, s in enumerate(scales)
    ]
    shared = [np.asarray(picture).astype(int) for picture in studio.draw(*together)]
    assert max(counts) == 3
    for picture, solo in zip(shared, studio.draw(*alone), strict=True):
        assert abs(picture - np.asarray(solo).astype(int)).max() <= 1
    assert abs(shared[0] - shared[2]).max() > 1

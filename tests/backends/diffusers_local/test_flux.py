"""Flux in the step loop: alone the stock latents, among strangers the same picture."""

import json
import shutil
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers import FluxImg2ImgPipeline, FluxInpaintPipeline, FluxPipeline

from backends.contract import Failed, Image, Work
from backends.diffusers_local import steps
from backends.diffusers_local.denoisers.flux import pack, unpack
from backends.diffusers_local.loading.folders import ModelTrouble
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model, load_model
from backends.diffusers_local.pictures.pictures import encode
from backends.diffusers_local.prepare import prepare
from backends.diffusers_local.samplers.flow import FLOW_SAMPLERS
from tests.backends.diffusers_local.conftest import Studio, a_work, ref_of
from tests.backends.diffusers_local.flow import build_flux
from tests.backends.diffusers_local.stock_flow import Settled, stock_pipeline
from tests.backends.diffusers_local.test_identity import walk
from tests.backends.diffusers_local.test_stable_diffusion_3 import a_mask, a_picture

CPU = torch.device("cpu")
NAMES = [name for name in FLOW_SAMPLERS if not name.endswith("_gpu")]
PAIRS = [(name, schedule) for name in NAMES for schedule in FLOW_SAMPLERS[name].schedulers]
CELLS = (8, 12)
SIDES = {"width": 96, "height": 64}


@pytest.fixture(scope="module")
def dev_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "dev"
    build_flux().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def dev(dev_folder: Path) -> Model:
    with torch.inference_mode():
        return load_model(ref_of(dev_folder), CPU, torch.float32)


@pytest.fixture(scope="module")
def schnell_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "schnell"
    build_flux(guided=False).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def schnell(schnell_folder: Path) -> Model:
    with torch.inference_mode():
        return load_model(ref_of(schnell_folder), CPU, torch.float32)


def a_flux_work(folder: Path, number: int = 0, **given: Any) -> Work:
    usual: dict[str, Any] = SIDES | {"cfg_scale": 1.0, "scheduler": "simple"}
    return a_work(folder, number, **(usual | given))


def asked(work: Work, longest: int = 512) -> dict[str, Any]:
    """The work in the stock pipelines' words."""
    return {
        "prompt": work.prompt,
        "negative_prompt": work.negative_prompt,
        "true_cfg_scale": work.cfg_scale,
        "num_inference_steps": work.steps,
        "guidance_scale": work.extra.get("fluxguidancescale", 3.5),
        "max_sequence_length": longest,
        "output_type": "latent",
        "generator": torch.Generator().manual_seed(work.seed),
        **SIDES,
    }


class TestAlone:
    @pytest.mark.parametrize(("sampler", "schedule"), PAIRS)
    def test_text_to_image_is_the_stock_pipelines(
        self, dev_folder: Path, dev: Model, sampler: str, schedule: str
    ) -> None:
        cfg = 3.0 if schedule == "normal" else 1.0
        work = a_flux_work(
            dev_folder, sampler=sampler, scheduler=schedule, cfg_scale=cfg, negative_prompt="blue"
        )
        request = asked(work)
        pipeline = stock_pipeline(FluxPipeline, dev, Settled(dev, work, request["generator"], CELLS))
        expected = unpack(pipeline(**request).images, *CELLS)
        assert torch.isfinite(expected).all()
        assert torch.equal(walk(work, dev).latents, expected)

    @pytest.mark.parametrize(
        ("sampler", "schedule", "kind", "options"),
        [
            ("euler", "simple", "FlowMatchEulerDiscreteScheduler", {"shift": 3.0}),
            ("lcm", "simple", "FlowMatchLCMScheduler", {"shift": 3.0}),
            ("dpmpp_2m", "normal", "DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
            ("uni_pc_bh2", "normal", "UniPCMultistepScheduler", {"solver_type": "bh2"}),
        ],
    )
    def test_as_the_stock_pipeline_sets_its_own_scheduler(
        self, dev_folder: Path, dev: Model, sampler: str, schedule: str, kind: str, options: dict[str, Any]
    ) -> None:
        shared: dict[str, Any] = {"use_dynamic_shifting": True}
        if not kind.startswith("Flow"):
            shared |= {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
        extra = {"fluxguidancescale": 2.0}
        work = a_flux_work(
            dev_folder, sampler=sampler, scheduler=schedule, steps=1 if sampler == "lcm" else 6, extra=extra
        )
        pipeline = stock_pipeline(FluxPipeline, dev, getattr(diffusers, kind)(**shared, **options))
        expected = unpack(pipeline(**asked(work)).images, *CELLS)
        assert torch.equal(walk(work, dev).latents, expected)

    @pytest.mark.parametrize("steps_asked", [1, 4])
    def test_schnell_is_the_stock_pipelines(
        self, schnell_folder: Path, schnell: Model, steps_asked: int
    ) -> None:
        work = a_flux_work(schnell_folder, steps=steps_asked)
        scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=1.0)
        pipeline = stock_pipeline(FluxPipeline, schnell, scheduler)
        expected = unpack(pipeline(**asked(work, 256)).images, *CELLS)
        row = walk(work, schnell)
        assert torch.equal(row.latents, expected)
        assert "guidance" not in row.conditions
        assert row.states.shape[1] == 256

    # of two evaluations a step the stock pipeline counts each as one, so that a part is another part
    @pytest.mark.parametrize(
        ("sampler", "strength"),
        [
            (name, part)
            for name in NAMES
            for part in (0.7, 1.0)
            if part == 1 or FLOW_SAMPLERS[name].walk not in ("twice", "between")
        ],
    )
    def test_image_to_image_is_the_stock_pipelines(
        self, dev_folder: Path, dev: Model, sampler: str, strength: float
    ) -> None:
        start = a_picture().resize((96, 64))
        given: dict[str, Any] = {"init_image": encode(start, "PNG", 100), "strength": strength}
        work = a_flux_work(dev_folder, sampler=sampler, steps=6, **given)
        request = asked(work)
        pipeline = stock_pipeline(FluxImg2ImgPipeline, dev, Settled(dev, work, request["generator"], CELLS))
        expected = pipeline(**request, image=start, strength=strength).images
        row = walk(work, dev)
        assert torch.equal(row.latents, unpack(expected, *CELLS))
        assert row.steps == (5 if strength < 1 else 6)

    @pytest.mark.parametrize(
        ("sampler", "strength"),
        [("euler", 0.6), ("euler", 1.0), ("heun", 1.0), ("dpmpp_2m", 0.6), ("uni_pc_bh2", 0.6)],
    )
    def test_inpainting_is_the_stock_pipelines(
        self, dev_folder: Path, dev: Model, sampler: str, strength: float
    ) -> None:
        start, mask = a_picture().resize((96, 64)), a_mask().resize((96, 64), 0)
        given: dict[str, Any] = {"init_image": encode(start, "PNG", 100), "mask": encode(mask, "PNG", 100)}
        work = a_flux_work(
            dev_folder, sampler=sampler, steps=5, strength=strength, extra={"maskblur": 0}, **given
        )
        request = asked(work)
        pipeline = stock_pipeline(FluxInpaintPipeline, dev, Settled(dev, work, request["generator"], CELLS))
        expected = pipeline(**request, image=start, mask_image=mask, strength=strength).images
        assert torch.equal(walk(work, dev).latents, unpack(expected, *CELLS))

    def test_pixels_are_the_stock_pipelines(self, dev_folder: Path, dev: Model, studio: Studio) -> None:
        work = a_flux_work(dev_folder, deterministic=True)
        (ours,) = studio.draw(work)
        scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
        request = asked(work) | {"output_type": "pil"}
        (theirs,) = stock_pipeline(FluxPipeline, dev, scheduler)(**request).images
        assert np.array_equal(np.asarray(ours), np.asarray(theirs))

    def test_larger_pictures_are_shifted_further(self, dev_folder: Path, dev: Model) -> None:
        with torch.inference_mode():
            small, large = (
                prepare(a_flux_work(dev_folder, width=side, height=side), Kit(dev)).times
                for side in (64, 512)
            )
        assert torch.equal(small[0], large[0])
        assert (large[1:] > small[1:]).all()


class TestPrompts:
    @pytest.mark.parametrize("prompt", ["", "a red circle on a blue square far away " * 3])
    def test_states_are_the_stock_pipelines(self, dev_folder: Path, dev: Model, prompt: str) -> None:
        pipeline = stock_pipeline(FluxPipeline, dev, diffusers.FlowMatchEulerDiscreteScheduler())
        with torch.inference_mode():
            row = prepare(a_flux_work(dev_folder, prompt=prompt), Kit(dev))
            states, pooled, _ = pipeline.encode_prompt(prompt)
        assert torch.equal(row.states, states)
        assert torch.equal(row.conditions["pooled"], pooled)
        assert "prompt_cut" not in row.notes

    def test_what_t5_cannot_hold_is_said(self, schnell_folder: Path, schnell: Model) -> None:
        with torch.inference_mode():
            row = prepare(a_flux_work(schnell_folder, prompt="red " * 255 + "far away"), Kit(schnell))
        assert row.notes["prompt_cut"] == "far away"

    def test_weights_move_t5s_states(self, dev_folder: Path, dev: Model) -> None:
        with torch.inference_mode():
            plain, weighted = (
                prepare(a_flux_work(dev_folder, prompt=prompt), Kit(dev)).states[0]
                for prompt in ("a red circle", "a (red:1.5) circle")
            )
        assert (plain != weighted).any(dim=-1).nonzero().flatten().tolist() == [1]


class TestAmongStrangers:
    KINDS: tuple[dict[str, Any], ...] = (
        {"steps": 7},
        {"sampler": "dpmpp_2m", "cfg_scale": 2.5, "negative_prompt": "red", "prompt": "a blue square"},
        {"sampler": "uni_pc_bh2", "scheduler": "karras", "steps": 5, "extra": {"fluxguidancescale": 1.0}},
        {
            "sampler": "heun",
            "steps": 3,
            "init_image": encode(a_picture().resize((96, 64)), "PNG", 100),
            "strength": 0.8,
        },
        {"sampler": "lcm", "steps": 4, "cfg_scale": 1.5},
    )

    def test_the_same_picture_within_a_level(
        self, dev_folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counts: list[int] = []
        predict = steps.predict
        monkeypatch.setattr(steps, "predict", lambda rows: counts.append(len(rows)) or predict(rows))
        together = [a_flux_work(dev_folder, n, **kind) for n, kind in enumerate(self.KINDS)]
        alone = [
            a_flux_work(dev_folder, n + 10, seed=n + 100, deterministic=True, **kind)
            for n, kind in enumerate(self.KINDS)
        ]
        shared = studio.draw(*together)
        assert max(counts) > 1
        for picture, solo in zip(shared, studio.draw(*alone), strict=True):
            difference = np.asarray(picture).astype(int) - np.asarray(solo).astype(int)
            assert abs(difference).max() <= 1

    def test_each_keeps_its_own_guidance_and_time(self, dev_folder: Path, dev: Model) -> None:
        with torch.inference_mode():
            rows = [
                prepare(a_flux_work(dev_folder, n, **kind), Kit(dev)) for n, kind in enumerate(self.KINDS)
            ]
            alone = [steps.predict([row])[0].said for row in rows]
            together = [prediction.said for prediction in steps.predict(rows)]
        assert len({row.key for row in rows}) == 1
        for one, other in zip(alone, together, strict=True):
            assert torch.allclose(one, other, atol=1e-5)

    def test_guidance_changes_the_answer(self, dev_folder: Path, dev: Model) -> None:
        with torch.inference_mode():
            said = [
                steps.predict(
                    [prepare(a_flux_work(dev_folder, extra={"fluxguidancescale": scale}), Kit(dev))]
                )[0].said
                for scale in (1.0, 3.5)
            ]
        assert not torch.allclose(*said, atol=1e-4)


def test_previews_point_to_the_picture(dev_folder: Path, dev: Model) -> None:
    with torch.inference_mode():
        row = prepare(a_flux_work(dev_folder), Kit(dev))
        (prediction,) = steps.predict([row])
        clean = steps.foreseen(row, prediction, row.times[0]).numpy()
    expected = (row.latents - row.scheduler.sigmas[0] * prediction.said)[0].numpy()
    assert np.allclose(clean, expected, atol=1e-5)
    assert dev.preview.draw(clean).size == (12, 8)


def test_packing_is_undone() -> None:
    latents = torch.randn(2, 16, 6, 4)
    assert pack(latents).shape == (2, 6, 64)
    assert torch.equal(unpack(pack(latents), 6, 4), latents)


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"sampler": "dpm_2_ancestral"}, "no sampler 'dpm_2_ancestral'"),
            ({"extra": {"fluxguidancescale": float("nan")}}, "fluxguidancescale is nan"),
            ({"extra": {"fluxguidancescale": "much"}}, "fluxguidancescale is 'much'"),
            ({"extra": {"seamlesstileable": "X-Only"}}, "seamlesstileable"),
        ],
    )
    def test_a_request(self, dev_folder: Path, studio: Studio, given: dict[str, Any], words: str) -> None:
        work = a_flux_work(dev_folder, **given)
        studio.submit(work)
        studio.finish(work)
        (failed,) = studio.of(Failed, work.id)
        assert words in failed.reason
        assert not studio.of(Image, work.id)

    def test_a_fill_model(self, dev_folder: Path, tmp_path: Path) -> None:
        copy = Path(shutil.copytree(dev_folder, tmp_path / "fill"))
        config = json.loads((copy / "transformer" / "config.json").read_text())
        kind = diffusers.FluxTransformer2DModel
        kind.from_config(config | {"in_channels": 384, "out_channels": 64}).save_pretrained(
            copy / "transformer"
        )
        with pytest.raises(ModelTrouble, match="384 input channels where its latents make 64"):
            load_model(ref_of(copy), CPU, torch.float32)

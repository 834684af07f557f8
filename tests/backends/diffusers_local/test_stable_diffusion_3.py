"""Stable Diffusion 3 in the step loop: alone the stock latents, among strangers the same picture."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers import (
    StableDiffusion3Img2ImgPipeline,
    StableDiffusion3InpaintPipeline,
    StableDiffusion3Pipeline,
)
from PIL import Image as Picture

from backends.contract import Failed, Image, Progress, Work
from backends.diffusers_local import steps
from backends.diffusers_local.loading.folders import ModelTrouble
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model, load_model
from backends.diffusers_local.pictures.pictures import encode
from backends.diffusers_local.prepare import prepare
from backends.diffusers_local.samplers.flow import FLOW_SAMPLERS
from tests.backends.diffusers_local.conftest import Studio, a_work, ref_of
from tests.backends.diffusers_local.flow import build_sd3
from tests.backends.diffusers_local.stock_flow import Settled, stock_pipeline
from tests.backends.diffusers_local.test_identity import walk

CPU = torch.device("cpu")
NAMES = [name for name in FLOW_SAMPLERS if not name.endswith("_gpu")]
PAIRS = [(name, schedule) for name in NAMES for schedule in FLOW_SAMPLERS[name].schedulers]
CELLS = (8, 8)


@pytest.fixture(scope="module")
def sd3_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "sd3"
    build_sd3().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def sd3(sd3_folder: Path) -> Model:
    with torch.inference_mode():
        return load_model(ref_of(sd3_folder), CPU, torch.float32)


@pytest.fixture
def copy(sd3_folder: Path, tmp_path: Path) -> Iterator[Path]:
    yield Path(shutil.copytree(sd3_folder, tmp_path / "copy"))


def asked(work: Work) -> dict[str, Any]:
    """The work's text and steps in the stock pipelines' words."""
    return {
        "prompt": work.prompt,
        "negative_prompt": work.negative_prompt,
        "num_inference_steps": work.steps,
        "guidance_scale": work.cfg_scale,
        "output_type": "latent",
    }


def a_picture(seed: int = 1) -> Picture.Image:
    return Picture.fromarray(np.random.default_rng(seed).integers(0, 255, (64, 64, 3), dtype=np.uint8))


def a_mask() -> Picture.Image:
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[16:48, 32:] = 255
    return Picture.fromarray(mask)


class TestAlone:
    @pytest.mark.parametrize(("sampler", "schedule"), PAIRS)
    def test_text_to_image_is_the_stock_pipelines(
        self, sd3_folder: Path, sd3: Model, sampler: str, schedule: str
    ) -> None:
        cfg = 1.0 if schedule == "simple" else 5.0
        work = a_work(sd3_folder, sampler=sampler, scheduler=schedule, cfg_scale=cfg, negative_prompt="blue")
        generator = torch.Generator().manual_seed(work.seed)
        pipeline = stock_pipeline(StableDiffusion3Pipeline, sd3, Settled(sd3, work, generator, CELLS))
        expected = pipeline(**asked(work), width=64, height=64, generator=generator).images
        assert torch.isfinite(expected).all()
        assert torch.equal(walk(work, sd3).latents, expected)

    @pytest.mark.parametrize(
        ("sampler", "schedule", "kind", "options"),
        [
            ("euler", "normal", "FlowMatchEulerDiscreteScheduler", {}),
            ("euler", "karras", "FlowMatchEulerDiscreteScheduler", {"use_karras_sigmas": True}),
            ("euler", "exponential", "FlowMatchEulerDiscreteScheduler", {"use_exponential_sigmas": True}),
            ("heun", "normal", "FlowMatchHeunDiscreteScheduler", {}),
            ("dpmpp_2m", "normal", "DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
            ("uni_pc_bh2", "normal", "UniPCMultistepScheduler", {"solver_type": "bh2"}),
        ],
    )
    def test_as_the_stock_pipeline_sets_its_own_scheduler(
        self, sd3_folder: Path, sd3: Model, sampler: str, schedule: str, kind: str, options: dict[str, Any]
    ) -> None:
        flow = {"use_flow_sigmas": True, "flow_shift": 3.0, "prediction_type": "flow_prediction"}
        config = {"shift": 3.0} if kind.startswith("Flow") else flow
        work = a_work(sd3_folder, sampler=sampler, scheduler=schedule, steps=6)
        pipeline = stock_pipeline(
            StableDiffusion3Pipeline, sd3, getattr(diffusers, kind)(**config, **options)
        )
        generator = torch.Generator().manual_seed(work.seed)
        expected = pipeline(**asked(work), width=64, height=64, generator=generator).images
        assert torch.equal(walk(work, sd3).latents, expected)

    @pytest.mark.parametrize("strength", [0.7, 1.0])
    @pytest.mark.parametrize("sampler", NAMES)
    def test_image_to_image_is_the_stock_pipelines(
        self, sd3_folder: Path, sd3: Model, sampler: str, strength: float
    ) -> None:
        start = a_picture()
        given: dict[str, Any] = {"init_image": encode(start, "PNG", 100), "strength": strength}
        work = a_work(sd3_folder, sampler=sampler, steps=6, **given)
        generator = torch.Generator().manual_seed(work.seed)
        pipeline = stock_pipeline(StableDiffusion3Img2ImgPipeline, sd3, Settled(sd3, work, generator, CELLS))
        sides = {"width": 64, "height": 64}
        expected = pipeline(
            **asked(work), **sides, image=start, strength=strength, generator=generator
        ).images
        row = walk(work, sd3)
        assert torch.equal(row.latents, expected)
        assert row.steps == (5 if strength < 1 else 6)

    @pytest.mark.parametrize("strength", [0.6, 1.0])
    @pytest.mark.parametrize("sampler", ["euler", "heun", "dpmpp_2m", "uni_pc_bh2"])
    def test_inpainting_is_the_stock_pipelines(
        self, sd3_folder: Path, sd3: Model, sampler: str, strength: float
    ) -> None:
        start, mask = a_picture(), a_mask()
        given: dict[str, Any] = {"init_image": encode(start, "PNG", 100), "mask": encode(mask, "PNG", 100)}
        work = a_work(sd3_folder, sampler=sampler, steps=5, strength=strength, extra={"maskblur": 0}, **given)
        generator = torch.Generator().manual_seed(work.seed)
        pipeline = stock_pipeline(StableDiffusion3InpaintPipeline, sd3, Settled(sd3, work, generator, CELLS))
        pictures = {"image": start, "mask_image": mask, "width": 64, "height": 64}
        expected = pipeline(**asked(work), **pictures, strength=strength, generator=generator).images
        assert torch.equal(walk(work, sd3).latents, expected)

    def test_pixels_are_the_stock_pipelines(self, sd3_folder: Path, sd3: Model, studio: Studio) -> None:
        work = a_work(sd3_folder, deterministic=True)
        (ours,) = studio.draw(work)
        scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
        generator = torch.Generator().manual_seed(work.seed)
        request = asked(work) | {"output_type": "pil", "width": 64, "height": 64, "generator": generator}
        (theirs,) = stock_pipeline(StableDiffusion3Pipeline, sd3, scheduler)(**request).images
        assert np.array_equal(np.asarray(ours), np.asarray(theirs))

    def test_sides_are_multiples_of_sixteen(self, sd3_folder: Path, sd3: Model) -> None:
        with torch.inference_mode():
            row = prepare(a_work(sd3_folder, width=72, height=40), Kit(sd3))
        assert row.plan.drawn == (80, 48)


class TestPrompts:
    @pytest.mark.parametrize("prompt", ["", "a red circle on a blue square far away " * 3])
    @pytest.mark.parametrize("layer", [0, -2, -3])
    def test_states_are_the_stock_pipelines(
        self, sd3_folder: Path, sd3: Model, prompt: str, layer: int
    ) -> None:
        work = a_work(sd3_folder, prompt=prompt, extra={"clipstopatlayer": layer})
        pipeline = stock_pipeline(StableDiffusion3Pipeline, sd3, diffusers.FlowMatchEulerDiscreteScheduler())
        skip = None if layer == 0 else -layer - 2
        with torch.inference_mode():
            row = prepare(work, Kit(sd3))
            states, against, pooled, pooled_against = pipeline.encode_prompt(
                prompt, None, None, negative_prompt=work.negative_prompt, clip_skip=skip
            )
        assert torch.equal(row.states, torch.cat([against, states]))
        assert torch.equal(row.conditions["pooled"], torch.cat([pooled_against, pooled]))
        assert "prompt_cut" not in row.notes  # what CLIP cannot hold T5 still reads

    def test_what_t5_cannot_hold_is_said(self, sd3_folder: Path, sd3: Model) -> None:
        with torch.inference_mode():
            row = prepare(a_work(sd3_folder, prompt="red " * 256 + "far away"), Kit(sd3))
        assert row.notes["prompt_cut"] == "red far away"

    def test_weights_move_states_and_leave_the_others(self, sd3_folder: Path, sd3: Model) -> None:
        with torch.inference_mode():
            plain, weighted = (
                prepare(a_work(sd3_folder, prompt=prompt, cfg_scale=1.0), Kit(sd3)).states[0]
                for prompt in ("a red circle", "a (red:1.5) circle")
            )
        moved = (plain != weighted).any(dim=-1)
        # the second word: after CLIP's begin, and without one in T5
        assert moved.nonzero().flatten().tolist() == [2, 8 + 1]

    def test_without_t5_its_states_are_zeros(self, tmp_path: Path, studio: Studio) -> None:
        build_sd3(t5=False).save_pretrained(tmp_path / "small")
        work = a_work(tmp_path / "small", deterministic=True, prompt="a red circle on a blue square far away")
        with torch.inference_mode():
            model = load_model(ref_of(tmp_path / "small"), CPU, torch.float32)
            row = prepare(work, Kit(model))
        scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
        generator = torch.Generator().manual_seed(work.seed)
        pipeline = stock_pipeline(StableDiffusion3Pipeline, model, scheduler)
        expected = pipeline(**asked(work), width=64, height=64, generator=generator).images
        assert torch.equal(walk(work, model).latents, expected)
        assert row.notes["prompt_cut"] == "square far away"

    def test_a_folder_whose_t5_was_taken_away_draws(self, copy: Path, studio: Studio) -> None:
        shutil.rmtree(copy / "text_encoder_3")
        (picture,) = studio.draw(a_work(copy))
        assert picture.size == (64, 64)


class TestAmongStrangers:
    KINDS: tuple[dict[str, Any], ...] = (
        {"steps": 7},
        {"sampler": "dpmpp_2m", "cfg_scale": 1.0, "prompt": "a blue square"},
        {"sampler": "uni_pc_bh2", "scheduler": "karras", "steps": 5, "negative_prompt": "red"},
        {"sampler": "heun", "steps": 3, "init_image": encode(a_picture(), "PNG", 100), "strength": 0.8},
        {"sampler": "lcm", "steps": 4, "cfg_scale": 1.5},
    )

    def test_the_same_picture_within_a_level(
        self, sd3_folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counts: list[int] = []
        predict = steps.predict
        monkeypatch.setattr(steps, "predict", lambda rows: counts.append(len(rows)) or predict(rows))
        together = [a_work(sd3_folder, n, **kind) for n, kind in enumerate(self.KINDS)]
        alone = [
            a_work(sd3_folder, n + 10, seed=n + 100, deterministic=True, **kind)
            for n, kind in enumerate(self.KINDS)
        ]
        shared = studio.draw(*together)
        assert max(counts) > 1
        for picture, solo in zip(shared, studio.draw(*alone), strict=True):
            difference = np.asarray(picture).astype(int) - np.asarray(solo).astype(int)
            assert abs(difference).max() <= 1

    def test_all_of_them_share_a_forward(self, sd3_folder: Path, sd3: Model) -> None:
        with torch.inference_mode():
            rows = [prepare(a_work(sd3_folder, n, **kind), Kit(sd3)) for n, kind in enumerate(self.KINDS)]
            alone = [steps.predict([row])[0].said for row in rows]
            together = [prediction.said for prediction in steps.predict(rows)]
        assert len({row.key for row in rows}) == 1
        for one, other in zip(alone, together, strict=True):
            assert torch.allclose(one, other, atol=1e-5)

    def test_one_joins_and_leaves_while_others_walk(self, sd3_folder: Path, studio: Studio) -> None:
        long, short = a_work(sd3_folder, 1, steps=12), a_work(sd3_folder, 2, steps=2)
        studio.submit(long)
        until = 200
        while not studio.of(Progress, long.id) and until:
            studio.turn()
            until -= 1
        studio.submit(short)
        studio.finish(short)
        assert not studio.ended(long.id)
        studio.finish(long)
        assert [p.step for p in studio.of(Progress, long.id)] == list(range(1, 13))


def test_previews_point_to_the_picture(sd3_folder: Path, sd3: Model) -> None:
    work = a_work(sd3_folder, cfg_scale=1.0)
    with torch.inference_mode():
        row = prepare(work, Kit(sd3))
        (prediction,) = steps.predict([row])
        clean = steps.foreseen(row, prediction, row.times[0]).numpy()
        level = row.scheduler.sigmas[0]
        expected = (row.latents - level * prediction.said)[0].numpy()
        assert np.allclose(clean, expected, atol=1e-5)
        picture = sd3.preview.draw(clean)
    assert picture.size == (8, 8)


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"sampler": "dpm_fast"}, "no sampler 'dpm_fast'"),
            ({"sampler": "dpmpp_2m", "scheduler": "kl_optimal"}, "does not go with"),
            ({"scheduler": "ddim_uniform"}, "no scheduler 'ddim_uniform'"),
            ({"width": 512}, "at most 256 pixels along a side"),
            ({"extra": {"seamlesstileable": "true"}}, "seamlesstileable"),
            ({"extra": {"clipstopatlayer": -9}}, "only 3 layers"),
        ],
    )
    def test_a_request(self, sd3_folder: Path, studio: Studio, given: dict[str, Any], words: str) -> None:
        work = a_work(sd3_folder, **given)
        studio.submit(work)
        studio.finish(work)
        (failed,) = studio.of(Failed, work.id)
        assert words in failed.reason
        assert not studio.of(Image, work.id)

    def test_a_transformer_of_other_channels(self, copy: Path) -> None:
        config = copy / "transformer" / "config.json"
        kind = diffusers.SD3Transformer2DModel
        wide = kind.from_config(json.loads(config.read_text()) | {"in_channels": 33})
        wide.save_pretrained(copy / "transformer")
        with pytest.raises(ModelTrouble, match="33 input channels where its latents have 16"):
            load_model(ref_of(copy), CPU, torch.float32)

    def test_a_transformer_of_other_prompts(self, copy: Path) -> None:
        config = copy / "transformer" / "config.json"
        kind = diffusers.SD3Transformer2DModel
        other = kind.from_config(json.loads(config.read_text()) | {"pooled_projection_dim": 7})
        other.save_pretrained(copy / "transformer")
        with pytest.raises(ModelTrouble, match="other text encoders"):
            load_model(ref_of(copy), CPU, torch.float32)

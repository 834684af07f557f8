"""Stable Diffusion XL in the step loop: alone the stock latents, among strangers the same picture."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from PIL import Image as Picture

from backends.contract import Work
from backends.diffusers_local import steps
from backends.diffusers_local.loading.folders import ModelTrouble
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model, load_model
from backends.diffusers_local.loop.batching import BatchSize
from backends.diffusers_local.pictures.pictures import encode
from backends.diffusers_local.prepare import prepare
from backends.diffusers_local.row import Row
from tests.backends.diffusers_local.conftest import Studio, a_work, ref_of, scheduler_of
from tests.backends.diffusers_local.xl import build_xl

PAIRS = [
    ("euler", "normal"),
    ("euler_ancestral", "sgm_uniform"),
    ("heun", "karras"),
    ("dpmpp_2m", "karras"),
    ("dpmpp_2m_sde", "exponential"),
    ("dpm_2", "beta"),
    ("ddim", "ddim_uniform"),
    ("uni_pc", "simple"),
]


@pytest.fixture(scope="module")
def xl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "xl"
    build_xl().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def xl(xl_folder: Path) -> Model:
    with torch.inference_mode():
        return load_model(ref_of(xl_folder), torch.device("cpu"), torch.float32)


@pytest.fixture
def copy(xl_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(xl_folder, tmp_path / "copy"))


def walk(work: Work, model: Model) -> Row:
    with torch.inference_mode():
        row = prepare(work, Kit(model))
        while not row.finished:
            (prediction,) = steps.predict([row])
            steps.advance(row, prediction)
    return row


def stock(kind: Any, model: Model, work: Work, **more: Any) -> torch.Tensor:
    """What the stock pipeline draws for this work; an empty negative prompt is one that was not given."""
    pipeline = kind(
        **model.parts,
        scheduler=scheduler_of(model, work.sampler, work.scheduler),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    drawn: torch.Tensor = pipeline(
        prompt=work.prompt,
        negative_prompt=work.negative_prompt or None,
        num_inference_steps=work.steps,
        guidance_scale=work.cfg_scale,
        generator=torch.Generator("cpu").manual_seed(work.seed),
        output_type="latent",
        **more,
    ).images
    assert torch.isfinite(drawn).all()
    return drawn


def noise_picture() -> Picture.Image:
    return Picture.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))


class TestAlone:
    @pytest.mark.parametrize(("sampler", "schedule"), PAIRS)
    @pytest.mark.parametrize(("cfg", "negative"), [(5.0, "blue"), (5.0, ""), (1.0, "")])
    def test_text_to_image_is_the_stock_pipelines(
        self, xl_folder: Path, xl: Model, sampler: str, schedule: str, cfg: float, negative: str
    ) -> None:
        work = a_work(
            xl_folder, sampler=sampler, scheduler=schedule, cfg_scale=cfg, negative_prompt=negative, width=96
        )
        expected = stock(StableDiffusionXLPipeline, xl, work, width=96, height=64)
        assert torch.equal(walk(work, xl).latents, expected)

    @pytest.mark.parametrize(("sampler", "schedule"), PAIRS)
    def test_image_to_image_is_the_stock_pipelines(
        self, xl_folder: Path, xl: Model, sampler: str, schedule: str
    ) -> None:
        start = noise_picture()
        work = a_work(
            xl_folder,
            sampler=sampler,
            scheduler=schedule,
            steps=6,
            strength=0.7,
            init_image=encode(start, "PNG", 100),
        )
        expected = stock(StableDiffusionXLImg2ImgPipeline, xl, work, image=start, strength=0.7)
        assert torch.equal(walk(work, xl).latents, expected)

    def test_pixels_are_the_stock_pipelines(self, xl_folder: Path, studio: Studio) -> None:
        work = a_work(xl_folder, deterministic=True)
        (ours,) = studio.draw(work)
        pipeline = StableDiffusionXLPipeline.from_pretrained(xl_folder, add_watermarker=False)
        model = load_model(work.model, torch.device("cpu"), torch.float32)
        pipeline.scheduler = scheduler_of(model, "euler", "normal")
        pipeline.set_progress_bar_config(disable=True)
        (theirs,) = pipeline(
            work.prompt,
            num_inference_steps=work.steps,
            guidance_scale=work.cfg_scale,
            width=64,
            height=64,
            generator=torch.Generator("cpu").manual_seed(work.seed),
        ).images
        assert np.array_equal(np.asarray(ours), np.asarray(theirs))

    def test_an_empty_negative_prompt_is_read_where_the_model_says_so(self, tmp_path: Path) -> None:
        build_xl(zero_empty=False).save_pretrained(tmp_path)
        model = load_model(ref_of(tmp_path), torch.device("cpu"), torch.float32)
        with torch.inference_mode():
            negative, _ = model.texts.guided("a red circle", "")
            assert bool(negative.states.any())


class TestHalfPrecision:
    def test_the_autoencoder_stays_in_full_where_it_would_overflow(self, xl_folder: Path) -> None:
        half = load_model(ref_of(xl_folder), torch.device("cpu"), torch.float16)
        assert (half.parts["unet"].dtype, half.vae.dtype) == (torch.float16, torch.float32)
        start = encode(noise_picture(), "PNG", 100)
        row = walk(a_work(xl_folder, init_image=start, strength=0.5, scheduler="simple"), half)
        assert row.latents.dtype == torch.float16
        with torch.inference_mode():
            (pixels,) = steps.decode([row])
        assert np.isfinite(pixels).all()
        assert pixels.shape == (3, 64, 64)

    def test_one_mended_for_half_precision_is_left_in_it(self, copy: Path) -> None:
        path = copy / "vae" / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"force_upcast": False}))
        half = load_model(ref_of(copy), torch.device("cpu"), torch.float16)
        assert half.vae.dtype == torch.float16


class TestAmongStrangers:
    def test_nobody_sees_the_others(
        self, xl_folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(BatchSize, "wanted", lambda self, available, free=None: available)
        counts: list[int] = []
        predict = steps.predict
        monkeypatch.setattr(steps, "predict", lambda rows: counts.append(len(rows)) or predict(rows))
        kinds: list[dict[str, Any]] = [
            {"steps": 7},
            {"sampler": "ddim", "cfg_scale": 1.0, "prompt": "a blue square"},
            {"sampler": "dpmpp_2m", "scheduler": "karras", "steps": 5, "negative_prompt": "red"},
            {"sampler": "heun", "steps": 3, "init_image": encode(noise_picture(), "PNG", 100)},
        ]
        together = [a_work(xl_folder, n, **kind) for n, kind in enumerate(kinds)]
        alone = [
            a_work(xl_folder, n + 10, seed=n + 100, deterministic=True, **k) for n, k in enumerate(kinds)
        ]
        shared = studio.draw(*together)
        assert max(counts) == len(kinds)
        for picture, solo in zip(shared, studio.draw(*alone), strict=True):
            difference = np.asarray(picture).astype(int) - np.asarray(solo).astype(int)
            assert abs(difference).max() <= 1

    def test_each_row_keeps_its_own_size_numbers(self, xl_folder: Path, xl: Model) -> None:
        with torch.inference_mode():
            rows = [prepare(a_work(xl_folder, n, seed=7), Kit(xl)) for n in range(2)]
            rows[1].conditions["time_ids"][:, :2] = 1024
            alone = [steps.predict([row])[0].said for row in rows]
            together = [prediction.said for prediction in steps.predict(rows)]
        assert rows[0].key == rows[1].key
        assert not torch.allclose(*alone, atol=1e-4)
        for one, other in zip(alone, together, strict=True):
            assert torch.allclose(one, other, atol=1e-5)


class TestRefusals:
    def test_the_refiner_and_other_relatives(self, copy: Path) -> None:
        index = json.loads((copy / "model_index.json").read_text())
        changed = index | {"_class_name": "StableDiffusionXLImg2ImgPipeline", "text_encoder": [None, None]}
        (copy / "model_index.json").write_text(json.dumps(changed))
        with pytest.raises(ModelTrouble, match=r"other conditions.*refiner"):
            load_model(ref_of(copy), torch.device("cpu"), torch.float32)

    @pytest.mark.parametrize(
        "changes",
        [
            {"addition_embed_type": None, "projection_class_embeddings_input_dim": None},
            {"projection_class_embeddings_input_dim": 24 + 5 * 8},
        ],
    )
    def test_a_denoiser_of_other_conditions(self, copy: Path, changes: dict[str, Any]) -> None:
        config = dict(build_xl().unet.config) | changes
        UNet2DConditionModel.from_config(config).save_pretrained(copy / "unet")
        with pytest.raises(ModelTrouble, match="other conditions"):
            load_model(ref_of(copy), torch.device("cpu"), torch.float32)

    def test_a_second_encoder_without_weights(self, copy: Path) -> None:
        (copy / "text_encoder_2" / "model.safetensors").unlink()
        with pytest.raises(ModelTrouble, match="text_encoder_2"):
            load_model(ref_of(copy), torch.device("cpu"), torch.float32)

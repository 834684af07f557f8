"""The refiner of Stable Diffusion XL: one text encoder, five numbers, and the stock pipeline's latents."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionXLImg2ImgPipeline, UNet2DConditionModel
from msgspec import structs
from PIL import Image as Picture
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from backends.contract import SecondPass, Work
from backends.diffusers_local import steps
from backends.diffusers_local.families import stable_diffusion_xl_refiner
from backends.diffusers_local.loading import single_file
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model, load_model
from backends.diffusers_local.pictures.pictures import encode
from backends.diffusers_local.prepare import prepare
from tests.backends.diffusers_local.conftest import Studio, a_tokenizer, a_work, ref_of, scheduler_of
from tests.backends.diffusers_local.originals import (
    original_clip_g_tensors,
    original_unet_name,
    original_vae_tensors,
    write_tokenizer,
)
from tests.backends.diffusers_local.xl import POOLED, a_text_encoder, build_xl


def build_refiner() -> StableDiffusionXLImg2ImgPipeline:
    """As small as `build_xl`, its autoencoder and all, but for what makes it a refiner."""
    base = build_xl()
    torch.manual_seed(3)
    config = dict(base.unet.config) | {
        "cross_attention_dim": 32,
        "projection_class_embeddings_input_dim": POOLED + 5 * 8,
    }
    return StableDiffusionXLImg2ImgPipeline(
        vae=base.vae,
        text_encoder=None,
        text_encoder_2=a_text_encoder(CLIPTextModelWithProjection, 32, 4),
        tokenizer=None,
        tokenizer_2=a_tokenizer(),
        unet=UNet2DConditionModel.from_config(config).eval(),
        scheduler=base.scheduler,
        force_zeros_for_empty_prompt=False,
        requires_aesthetics_score=True,
        add_watermarker=False,
    )


@pytest.fixture(scope="module")
def refiner_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "refiner"
    build_refiner().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def refiner(refiner_folder: Path) -> Model:
    return load_model(ref_of(refiner_folder), torch.device("cpu"), torch.float32)


def noise_picture() -> Picture.Image:
    return Picture.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))


def walk(work: Work, model: Model) -> torch.Tensor:
    with torch.inference_mode():
        row = prepare(work, Kit(model))
        while not row.finished:
            (prediction,) = steps.predict([row])
            steps.advance(row, prediction)
    return row.latents


@pytest.mark.parametrize(("sampler", "schedule"), [("euler", "normal"), ("dpmpp_2m_sde", "karras")])
@pytest.mark.parametrize(("cfg", "negative"), [(5.0, "blue"), (5.0, ""), (1.0, "")])
def test_it_is_the_stock_pipelines(
    refiner_folder: Path, refiner: Model, sampler: str, schedule: str, cfg: float, negative: str
) -> None:
    work = a_work(
        refiner_folder,
        sampler=sampler,
        scheduler=schedule,
        cfg_scale=cfg,
        negative_prompt=negative,
        steps=8,
        strength=0.4,
        init_image=encode(noise_picture(), "PNG", 100),
    )
    assert refiner.family.id == "stable_diffusion_xl_refiner"
    pipeline = StableDiffusionXLImg2ImgPipeline(
        **refiner.parts,
        text_encoder=None,
        tokenizer=None,
        scheduler=scheduler_of(refiner, sampler, schedule),
        force_zeros_for_empty_prompt=False,
        requires_aesthetics_score=True,
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    expected = pipeline(
        work.prompt,
        negative_prompt=negative,
        image=noise_picture(),
        strength=0.4,
        num_inference_steps=8,
        guidance_scale=cfg,
        generator=torch.Generator("cpu").manual_seed(work.seed),
        output_type="latent",
    ).images
    assert torch.isfinite(expected).all()
    assert torch.equal(walk(work, refiner), expected)


@pytest.mark.parametrize("method", ["PostApply", "StepSwap"])
def test_it_draws_the_second_pass_of_the_base_model(
    refiner_folder: Path, tmp_path: Path, studio: Studio, method: str
) -> None:
    build_xl().save_pretrained(tmp_path / "xl")
    second = SecondPass(part=0.5, method=method, model=ref_of(refiner_folder))
    refined, plain = studio.draw(
        a_work(tmp_path / "xl", 1, seed=5, second=second), a_work(tmp_path / "xl", 2, seed=5)
    )
    assert refined.size == plain.size == (64, 64)
    assert np.abs(np.asarray(refined).astype(int) - np.asarray(plain).astype(int)).max() > 8


class TestSingleFile:
    WIDTH = 32
    SMALL: dict[str, dict[str, Any]] = {  # noqa: RUF012
        "unet": {
            "block_out_channels": [8, 8, 16, 16],
            "transformer_layers_per_block": 1,
            "norm_num_groups": 4,
            "attention_head_dim": 2,
            "cross_attention_dim": 32,
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 32 + 5 * 8,
        },
        "vae": {"block_out_channels": [8, 8, 8, 8], "norm_num_groups": 4},
        "text_encoder_2": {
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "hidden_size": 32,
            "projection_dim": 32,
        },
    }

    def test_every_number_arrives(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        configs = Path(shutil.copytree(single_file.CONFIGS, tmp_path / "configs"))
        for part, changes in self.SMALL.items():
            path = configs / "sdxl_refiner" / part / "config.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        parts = build_parts(configs / "sdxl_refiner")
        tensors = {original_unet_name(k): v for k, v in parts["unet"].state_dict().items()}
        tensors |= original_vae_tensors(parts["vae"].state_dict())
        text = original_clip_g_tensors(parts["text_encoder_2"].state_dict())
        tensors |= {f"conditioner.embedders.0.model.{k}": v for k, v in text.items()}
        write_tokenizer(tmp_path)
        save_file({k: v.contiguous() for k, v in tensors.items()}, tmp_path / "refiner.safetensors")
        family = stable_diffusion_xl_refiner.FAMILY
        checkpoint = structs.replace(family.checkpoints[0], width=self.WIDTH)
        monkeypatch.setattr(single_file, "CONFIGS", configs)
        small = structs.replace(family, checkpoints=(checkpoint,))
        monkeypatch.setattr(single_file, "FAMILIES", {small.id: small})
        loaded = load_model(ref_of(tmp_path / "refiner.safetensors"), torch.device("cpu"), torch.float32)
        for name, original in parts.items():
            state = loaded.parts[name].state_dict()
            for key, value in original.state_dict().items():
                assert torch.equal(state[key], value), (name, key)


def build_parts(configs: Path) -> dict[str, Any]:
    torch.manual_seed(1)
    return {
        "unet": UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(configs / "unet")),
        "vae": AutoencoderKL.from_config(AutoencoderKL.load_config(configs / "vae")),
        "text_encoder_2": CLIPTextModelWithProjection(
            CLIPTextConfig.from_pretrained(configs / "text_encoder_2")
        ),
    }


def test_the_shipped_configuration_is_the_published_model() -> None:
    with torch.device("meta"):
        parts = build_parts(single_file.CONFIGS / "sdxl_refiner")
    million = {name: round(sum(p.numel() for p in part.parameters()) / 1e6) for name, part in parts.items()}
    assert million["text_encoder_2"] == 695
    assert 2250 <= million["unet"] <= 2350  # published: 2.3 thousand million

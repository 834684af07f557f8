"""ControlNets are followed in both passes, in the size of each."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionControlNetImg2ImgPipeline
from PIL import Image as Picture

from backends.contract import SecondPass
from backends.diffusers_local import steps
from backends.diffusers_local.loading.gather import Kit
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.pictures import pictures
from tests.backends.diffusers_local.conftest import a_work
from tests.backends.diffusers_local.features.test_control import build_control, follow, load, noise_picture
from tests.backends.diffusers_local.passes import walk_all


@pytest.fixture(scope="module")
def net(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("controls") / "net"
    build_control(model.parts["unet"], 5).save_pretrained(path)
    return path


@pytest.mark.parametrize("upscale", [1.0, 1.5])
def test_the_second_pass_is_the_stock_pipeline_with_the_same_control(
    folder: Path, model: Model, net: Path, upscale: float
) -> None:
    part = load(net)
    work = a_work(folder, steps=6, controls=(follow(net),), second=SecondPass(0.5, upscale=upscale))
    rows = walk_all(work, Kit(model, controls=(part,), second=Kit(model, controls=(part,))))
    schedules: Any = model.schedules
    pipeline = StableDiffusionControlNetImg2ImgPipeline(
        **model.parts,
        controlnet=part.network,
        scheduler=schedules.make(work.sampler, work.scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    side = round(64 * upscale)
    with torch.inference_mode():
        first = pictures.as_picture(steps.decode([rows[0]])[0])
    expected = pipeline(
        work.prompt,
        negative_prompt=work.negative_prompt,
        image=rows[0].latents if side == 64 else first.resize((side, side), Picture.Resampling.LANCZOS),
        control_image=pictures.cover(noise_picture(), (side, side)),
        num_inference_steps=6,
        strength=0.5,
        guidance_scale=work.cfg_scale,
        controlnet_conditioning_scale=1.0,
        generator=torch.Generator().manual_seed(work.seed + 1),
        output_type="latent",
    ).images
    assert torch.equal(rows[-1].latents, expected)

"""LoRAs over diffusion transformers: Flux and Stable Diffusion 3 in the step loop."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FluxPipeline, StableDiffusion3Pipeline

from backends.contract import Work
from backends.diffusers_local.denoisers.flux import unpack
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.loading.shelf import Shelf
from backends.diffusers_local.loading.weights import ModelTrouble
from tests.backends.diffusers_local.conftest import a_work, build_pipeline
from tests.backends.diffusers_local.features.test_lora import begin, walk
from tests.backends.diffusers_local.flow import build_flux, build_sd3
from tests.backends.diffusers_local.loras import changes, kohya, lora, peft, write
from tests.backends.diffusers_local.stock_flow import Settled

CELLS = (8, 8)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(torch.device("cpu"), torch.float32, 1 << 30)


@pytest.fixture(scope="module")
def flux_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "flux"
    build_flux().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def sd3_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "sd3"
    build_sd3().save_pretrained(path)
    return path


def stock(kind: Any, work: Work, model: Model, **asked: Any) -> torch.Tensor:
    """The stock pipeline's latents under the work's LoRA; by the engine's levels."""
    pipeline = kind.from_pretrained(work.model.path, dtype=torch.float32)
    generator = torch.Generator().manual_seed(work.seed)
    pipeline.scheduler = Settled(model, work, generator, CELLS)
    pipeline.set_progress_bar_config(disable=True)
    (one,) = work.loras
    pipeline.load_lora_weights(one.model.path, adapter_name="a")
    parts = pipeline.get_list_adapters()
    weights = {part: one.text_weight if part.startswith("text") else one.weight for part in parts}
    pipeline.set_adapters(["a"], [weights])
    latents: torch.Tensor = pipeline(
        prompt=work.prompt,
        width=work.width,
        height=work.height,
        num_inference_steps=work.steps,
        generator=generator,
        output_type="latent",
        **asked,
    ).images
    return latents


def kohya_flux(tensors: int = 4) -> dict[str, torch.Tensor]:
    """A few of Flux's layers in the names that kohya's scripts give them."""
    generator = torch.Generator().manual_seed(3)
    made: dict[str, torch.Tensor] = {}
    for name, wide, narrow in (
        ("double_blocks_0_img_attn_proj", 32, 32),
        ("double_blocks_1_txt_attn_qkv", 96, 32),
        ("single_blocks_0_linear2", 32, 160),
        ("double_blocks_0_img_mlp_0", 128, 32),
    )[:tensors]:
        key = f"lora_unet_{name}"
        made |= {
            f"{key}.lora_down.weight": torch.randn(4, narrow, generator=generator) * 0.2,
            f"{key}.lora_up.weight": torch.randn(wide, 4, generator=generator) * 0.2,
            f"{key}.alpha": torch.tensor(2.0),
        }
    return made


@pytest.mark.parametrize("form", ["peft", "kohya"])
def test_flux(flux_folder: Path, shelf: Shelf, tmp_path: Path, form: str) -> None:
    made = peft(changes(build_flux(), ("transformer", "text_encoder"))) if form == "peft" else kohya_flux()
    path = write(tmp_path / "flux.safetensors", made)
    given: dict[str, Any] = {"cfg_scale": 1.0, "scheduler": "simple", "sampler": "euler"}
    work = a_work(flux_folder, loras=(lora(path, 0.8, 0.3),), **given)
    ours = walk(work, shelf)
    model = shelf.held("model", work.model)
    assert torch.equal(ours, unpack(stock(FluxPipeline, work, model, guidance_scale=3.5), *CELLS))
    plain = a_work(flux_folder, **given)
    assert not torch.equal(ours, walk(plain, shelf))
    assert torch.equal(walk(plain, shelf), walk(plain, Shelf(torch.device("cpu"), torch.float32, 1 << 30)))


def test_stable_diffusion_3(sd3_folder: Path, shelf: Shelf, tmp_path: Path) -> None:
    parts = ("transformer", "text_encoder", "text_encoder_2")
    path = write(tmp_path / "sd3.safetensors", peft(changes(build_sd3(), parts)))
    given: dict[str, Any] = {
        "cfg_scale": 5.0,
        "scheduler": "normal",
        "sampler": "euler",
        "negative_prompt": "blue",
    }
    work = a_work(sd3_folder, loras=(lora(path, 0.8, 0.3),), **given)
    ours = walk(work, shelf)
    model = shelf.held("model", work.model)
    expected = stock(StableDiffusion3Pipeline, work, model, guidance_scale=5.0, negative_prompt="blue")
    assert torch.equal(ours, expected)


def test_a_lora_of_another_family_is_refused(
    flux_folder: Path, sd3_folder: Path, folder: Path, shelf: Shelf, tmp_path: Path
) -> None:
    unet = write(tmp_path / "unet.safetensors", kohya(changes(build_pipeline(), ("unet",))))
    flux = write(tmp_path / "flux.safetensors", kohya_flux())
    sd3 = write(tmp_path / "sd3.safetensors", peft(changes(build_sd3(), ("transformer",))))
    for place, path in (
        (flux_folder, unet),
        (flux_folder, sd3),
        (sd3_folder, unet),
        (sd3_folder, flux),
        (folder, flux),
        (folder, sd3),
    ):
        with pytest.raises(ModelTrouble, match=f"{path.stem!r} does not fit"):
            begin(a_work(place, loras=(lora(path),), cfg_scale=1.0, scheduler="simple"), shelf)

"""Autoencoders in place of a model's own: the stock pipeline's pictures, or a sentence why not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
)
from PIL import Image as Picture
from safetensors.torch import save_file

from backends.contract import Failed, ModelRef
from backends.diffusers_local.families.stable_diffusion_xl import FAMILY as XL
from backends.diffusers_local.loading.model import Model
from backends.diffusers_local.loading.vae import load_vae
from backends.diffusers_local.loading.weights import ModelTrouble
from backends.diffusers_local.pictures.pictures import encode
from tests.backends.diffusers_local.conftest import Studio, a_work, ref_of, scheduler_of
from tests.backends.diffusers_local.originals import original_vae_tensors
from tests.backends.diffusers_local.test_identity import same_request, stock

CPU, FULL = torch.device("cpu"), torch.float32


def an_autoencoder(**changes: Any) -> AutoencoderKL:
    """Wider than the small models' own, so that its file says itself how it is built."""
    torch.manual_seed(5)
    return AutoencoderKL(
        **{
            "block_out_channels": (32, 32, 32, 32),
            "down_block_types": ("DownEncoderBlock2D",) * 4,
            "up_block_types": ("UpDecoderBlock2D",) * 4,
            "latent_channels": 4,
            "layers_per_block": 1,
            "scaling_factor": 0.18215,
            **changes,
        }
    ).eval()


@pytest.fixture(scope="module")
def vaes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same autoencoder in every form, and a TAESD."""
    root = tmp_path_factory.mktemp("vaes")
    full = an_autoencoder()
    full.save_pretrained(root / "folder")
    full.save_pretrained(root / "model" / "vae")
    state = full.state_dict()
    save_file(state, root / "diffusers.safetensors")
    save_file(original_vae_tensors(state), root / "checkpoint.safetensors")
    bare = {n.removeprefix("first_stage_model."): t for n, t in original_vae_tensors(state).items()}
    save_file(bare, root / "original.safetensors")
    torch.manual_seed(6)
    tiny = AutoencoderTiny().eval()
    tiny.save_pretrained(root / "taesd_folder")
    save_file(tiny.state_dict(), root / "taesd.safetensors")
    return {path.stem: path for path in root.iterdir()}


def a_vae(path: Path) -> ModelRef:
    return ModelRef(path.stem, str(path))


@pytest.mark.parametrize(
    "form", ["folder", "model", "diffusers", "original", "checkpoint", "taesd_folder", "taesd"]
)
@pytest.mark.parametrize("begun", ["text", "picture"])
def test_pictures_are_the_stock_pipelines(
    folder: Path, model: Model, vaes: dict[str, Path], studio: Studio, form: str, begun: str
) -> None:
    tiny = form.startswith("taesd")
    theirs: Any = AutoencoderTiny if tiny else AutoencoderKL
    own = theirs.from_pretrained(vaes["taesd_folder" if tiny else "folder"]).requires_grad_(False)
    start = Picture.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    given: dict[str, Any] = (
        {} if begun == "text" else {"init_image": encode(start, "PNG", 100), "strength": 0.6}
    )
    work = a_work(folder, vae=a_vae(vaes[form]), deterministic=True, **given)
    (ours,) = studio.draw(work)
    kind = StableDiffusionPipeline if begun == "text" else StableDiffusionImg2ImgPipeline
    pipeline = stock(kind, model, scheduler_of(model, "euler", "normal"))
    pipeline.vae = own
    request = same_request(work, model) | {"output_type": "pil"}
    request |= {"width": 64, "height": 64} if begun == "text" else {"image": start, "strength": 0.6}
    (expected,) = pipeline(**request).images
    assert np.array_equal(np.asarray(ours), np.asarray(expected))


def test_two_autoencoders_decode_the_same_latents_apart(
    folder: Path, vaes: dict[str, Path], studio: Studio
) -> None:
    plain = a_work(folder, 1, seed=7)
    other = a_work(folder, 2, seed=7, vae=a_vae(vaes["folder"]))
    third = a_work(folder, 3, seed=7, vae=a_vae(vaes["original"]))
    pictures = [np.asarray(picture).astype(int) for picture in studio.draw(plain, other, third)]
    assert np.abs(pictures[0] - pictures[1]).max() > 20
    assert np.abs(pictures[1] - pictures[2]).max() <= 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"latent_channels": 16}, "16 channels, the model's 4"),
        ({"scaling_factor": 0.13025}, "scaling factor is 0.13025, the model's 0.18215"),
        ({"block_out_channels": (32, 32), "down_block_types": ("DownEncoderBlock2D",) * 2,
          "up_block_types": ("UpDecoderBlock2D",) * 2}, "stand for 2 pixels"),
    ],
)  # fmt: skip
def test_another_latent_space_is_refused(
    folder: Path, studio: Studio, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    an_autoencoder(**changes).save_pretrained(tmp_path / "other")
    work = a_work(folder, vae=a_vae(tmp_path / "other"))
    studio.submit(work)
    studio.finish(work)
    (failed,) = studio.of(Failed)
    assert words in failed.reason
    assert "'other'" in failed.reason


def test_what_is_no_vae_is_refused(tmp_path: Path, vaes: dict[str, Path], folder: Path) -> None:
    def refused(path: Path, words: str) -> None:
        with pytest.raises(ModelTrouble, match=words):
            load_vae(a_vae(path), CPU, FULL)

    refused(tmp_path / "gone", "no longer there")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", r"no config\.json")
    refused(folder / "unet", "UNet2DConditionModel")
    refused(folder / "unet" / "diffusion_pytorch_model.safetensors", "no autoencoder")
    short = tmp_path / "short.safetensors"
    short.write_bytes(vaes["original"].read_bytes()[:-100])
    refused(short, "copy or download")
    torch.save({"a": torch.zeros(1)}, tmp_path / "vae.pt")
    refused(tmp_path / "vae.pt", "may hold code")
    (tmp_path / "named.safetensors").write_bytes((tmp_path / "vae.pt").read_bytes())
    refused(tmp_path / "named.safetensors", "may hold code")
    state = an_autoencoder().state_dict()
    del state["decoder.mid_block.resnets.0.conv1.weight"]
    save_file(state, tmp_path / "gaps.safetensors")
    refused(tmp_path / "gaps.safetensors", r"lacks 1 .* decoder\.mid_block\.resnets\.0\.conv1\.weight")


def test_a_broken_config_is_a_sentence(tmp_path: Path) -> None:
    an_autoencoder().save_pretrained(tmp_path / "vae")
    config = tmp_path / "vae" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"block_out_channels": 3}))
    with pytest.raises(ModelTrouble, match="'vae' could not be loaded"):
        load_vae(a_vae(tmp_path / "vae"), CPU, FULL)


@pytest.mark.parametrize(("upcast", "expected"), [(True, torch.float32), (False, torch.float16)])
def test_half_precision_stays_only_where_it_may(
    tmp_path: Path, model: Model, upcast: bool, expected: torch.dtype
) -> None:
    an_autoencoder(force_upcast=upcast).save_pretrained(tmp_path / "vae")
    vae = load_vae(ref_of(tmp_path / "vae"), CPU, torch.float16)
    assert vae.module.dtype == torch.float16
    assert vae.fit(model.family, model.vae, torch.float16).dtype == torch.float16
    assert vae.fit(XL, model.vae, torch.float16).dtype == expected


def test_one_of_a_file_is_scaled_as_the_model(vaes: dict[str, Path], model: Model) -> None:
    vae = load_vae(a_vae(vaes["original"]), CPU, FULL)
    own = an_autoencoder(scaling_factor=0.13025)
    fitted = vae.fit(XL, own, FULL)
    assert fitted.config.scaling_factor == 0.13025
    assert vae.fit(XL, own, FULL) is fitted
    assert vae.fit(model.family, model.vae, FULL).config.scaling_factor == 0.18215
    assert fitted.decoder.conv_in.weight is vae.module.decoder.conv_in.weight
    assert vae.size == sum(tensor.numel() * 4 for tensor in an_autoencoder().state_dict().values())

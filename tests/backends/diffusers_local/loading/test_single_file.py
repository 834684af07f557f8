"""Single-file checkpoints: the same numbers as the folder they came from, written in the original's names."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from msgspec import structs
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

from backends.diffusers_local.families import stable_diffusion_xl
from backends.diffusers_local.families.stable_diffusion import _LAST_NORM, _TEXT, FAMILY
from backends.diffusers_local.features.masking import takes_mask
from backends.diffusers_local.loading import single_file
from backends.diffusers_local.loading.folders import ModelTrouble
from backends.diffusers_local.loading.model import load_model
from backends.diffusers_local.prompts.tokenizer import clip_tokenizer
from tests.backends.diffusers_local.conftest import ref_of
from tests.backends.diffusers_local.originals import (
    original_clip_g_tensors,
    original_unet_name,
    original_vae_tensors,
    write_tokenizer,
)

_XL_TEXT = stable_diffusion_xl.FAMILY.checkpoints[0].text
WIDTH = 32
SMALL = {
    "unet": {"block_out_channels": [8, 8, 16, 16], "norm_num_groups": 4, "attention_head_dim": 2},
    "vae": {"block_out_channels": [8, 8, 8, 8], "norm_num_groups": 4},
    "text_encoder": {
        "hidden_size": WIDTH,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "projection_dim": WIDTH,
    },
}


@pytest.fixture
def configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped configurations with every width made small, so that a file is kilobytes."""
    folder = Path(shutil.copytree(single_file.CONFIGS, tmp_path / "configs"))
    for part, changes in SMALL.items():
        for path in folder.glob(f"*/{part}/config.json"):
            config = json.loads(path.read_text()) | changes
            if part == "unet":
                config["cross_attention_dim"] = WIDTH
            path.write_text(json.dumps(config))
    monkeypatch.setattr(single_file, "CONFIGS", folder)
    small = structs.replace(FAMILY, checkpoints=(structs.replace(FAMILY.checkpoints[0], width=WIDTH),))
    monkeypatch.setattr(single_file, "FAMILIES", {small.id: small})
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder with a CLIP-like tokenizer of the right size in it."""
    folder = tmp_path / "models"
    write_tokenizer(folder)
    return folder


@pytest.fixture
def checkpoint(configs: Path, models: Path) -> tuple[Path, Any, Any, Any]:
    """A random model, as a single file in the original's names."""
    torch.manual_seed(1)
    unet = UNet2DConditionModel.from_config(configs / "sd1" / "unet")
    vae = AutoencoderKL.from_config(configs / "sd1" / "vae")
    text = CLIPTextModel(CLIPTextConfig.from_pretrained(configs / "sd1" / "text_encoder"))
    tensors = {original_unet_name(k): v for k, v in unet.state_dict().items()}
    tensors |= original_vae_tensors(vae.state_dict())
    tensors |= {f"cond_stage_model.transformer.text_model.{k}": v for k, v in text.state_dict().items()}
    path = models / "small.safetensors"
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    return path, unet, vae, text


def test_every_number_arrives(checkpoint: tuple[Path, Any, Any, Any]) -> None:
    path, unet, vae, text = checkpoint
    model = load_model(ref_of(path), torch.device("cpu"), torch.float32)
    for part, original in (
        (model.parts["unet"], unet),
        (model.vae, vae),
        (model.parts["text_encoder"], text),
    ):
        loaded = part.state_dict()
        for key, value in original.state_dict().items():
            assert torch.equal(loaded[key], value), key
    assert getattr(model.denoiser, "prediction", "") == "epsilon"
    assert model.scale == 8
    with torch.inference_mode():
        assert model.texts.encode("w1 w2").states.shape == (1, 77, WIDTH)


def test_one_for_inpainting(checkpoint: tuple[Path, Any, Any, Any]) -> None:
    tensors = load_file(checkpoint[0])
    wide = torch.randn((tensors[single_file._FIRST].shape[0], 9, 3, 3))
    path = checkpoint[0].with_name("inpainting.safetensors")
    save_file(tensors | {single_file._FIRST: wide}, path)
    model = load_model(ref_of(path), torch.device("cpu"), torch.float32)
    assert torch.equal(model.parts["unet"].conv_in.weight, wide)
    assert model.denoiser.channels == 4
    assert takes_mask(model)


@pytest.mark.parametrize("prefix", ["cond_stage_model.model.", "conditioner.embedders.0.model."])
def test_version_2_with_the_text_encoder_under_either_name(
    checkpoint: tuple[Path, Any, Any, Any],
    configs: Path,
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    prefix: str,
) -> None:
    small = structs.replace(FAMILY, checkpoints=(structs.replace(FAMILY.checkpoints[2], width=WIDTH),))
    monkeypatch.setattr(single_file, "FAMILIES", {small.id: small})
    torch.manual_seed(2)
    unet = UNet2DConditionModel.from_config(configs / "sd2" / "unet").state_dict()
    config = CLIPTextConfig.from_pretrained(configs / "sd2" / "text_encoder")
    # the published files hold one layer more than the encoder walks
    text = CLIPTextModel(
        CLIPTextConfig(**(config.to_dict() | {"num_hidden_layers": config.num_hidden_layers + 1}))
    )
    tensors = {k: v for k, v in load_file(checkpoint[0]).items() if k.startswith("first_stage_model")}
    tensors |= {original_unet_name(k): v.contiguous() for k, v in unet.items()}
    named = original_clip_g_tensors(text.state_dict())
    named["text_projection"] = torch.zeros(config.hidden_size, config.hidden_size)
    path = models / "two.safetensors"
    save_file(tensors | {f"{prefix}{k}": v.contiguous() for k, v in named.items()}, path)
    model = load_model(ref_of(path), torch.device("cpu"), torch.float32)
    assert model.parts["tokenizer"].pad_token == "!"
    loaded = model.parts["text_encoder"].state_dict()
    assert all(torch.equal(value, text.state_dict()[key]) for key, value in loaded.items())


@pytest.fixture
def alone(checkpoint: tuple[Path, Any, Any, Any], tmp_path: Path) -> Path:
    """The checkpoint where no tokenizer is near."""
    far = tmp_path / "far" / "away"
    far.mkdir(parents=True)
    return Path(shutil.copy(checkpoint[0], far / "alone.safetensors"))


def test_a_file_alone_is_read_with_clips_own_words(alone: Path) -> None:
    model = load_model(ref_of(alone), torch.device("cpu"), torch.float32)
    assert model.parts["tokenizer"]("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]


def test_a_tokenizer_beside_the_file_wins(checkpoint: tuple[Path, Any, Any, Any]) -> None:
    made = clip_tokenizer()
    assert made is not None
    assert single_file.find_tokenizer(checkpoint[0])("w7").input_ids != made("w7").input_ids


def test_without_a_tokenizer_it_says_what_to_do(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_file, "clip_tokenizer", lambda: None)
    with pytest.raises(ModelTrouble, match="brings no tokenizer"):
        load_model(ref_of(alone), torch.device("cpu"), torch.float32)


@pytest.mark.parametrize(
    ("tensors", "word"),
    [
        ({"something": (2, 2)}, "no checkpoint"),
        ({single_file._FIRST: (8, 5, 3, 3), _TEXT: (8, 768)}, "5 input channels"),
        ({single_file._FIRST: (8, 4, 3, 3), _TEXT: (8, 768), single_file._DISTILLED: (8, 8)}, "LCM"),
        ({single_file._FIRST: (8, 4, 3, 3), _TEXT: (8, 2048)}, "width 2048"),
        ({single_file._FIRST: (8, 4, 3, 3), _XL_TEXT: (8, 2048)}, "width 2048"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, tensors: dict[str, tuple[int, ...]], word: str) -> None:
    path = tmp_path / "other.safetensors"
    save_file({key: torch.zeros(shape) for key, shape in tensors.items()}, path)
    with pytest.raises(ModelTrouble, match=word):
        load_model(ref_of(path), torch.device("cpu"), torch.float32)


@pytest.mark.parametrize(("spread", "family"), [(0.01, "sd2"), (0.3, "sd2_v")])
def test_velocity_models_are_told_by_one_bias(tmp_path: Path, spread: float, family: str) -> None:
    path = tmp_path / "two.safetensors"
    torch.manual_seed(0)
    save_file(
        {
            single_file._FIRST: torch.zeros(8, 4, 3, 3),
            _TEXT: torch.zeros(8, 1024),
            _LAST_NORM: torch.randn(320) * spread,
        },
        path,
    )
    _, kind = single_file.recognise(path)
    assert kind.config == family


@pytest.mark.parametrize("family", ["sd1", "sd2", "sd2_v"])
def test_the_shipped_configurations_build(family: str) -> None:
    folder = single_file.CONFIGS / family
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(folder / "unet")
        vae = AutoencoderKL.from_config(folder / "vae")
        text = CLIPTextModel(CLIPTextConfig.from_pretrained(folder / "text_encoder"))
    million = [round(sum(p.numel() for p in part.parameters()) / 1e6) for part in (unet, vae, text)]
    assert million == ([860, 84, 123] if family == "sd1" else [866, 84, 340])
    assert StableDiffusionPipeline.load_config(folder)["_class_name"] == "StableDiffusionPipeline"

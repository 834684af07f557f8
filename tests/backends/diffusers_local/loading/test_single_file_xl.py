"""Single-file checkpoints of Stable Diffusion XL: every number, by the published names."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline, UNet2DConditionModel
from msgspec import structs
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from backends.diffusers_local.families import stable_diffusion_xl
from backends.diffusers_local.loading import single_file
from backends.diffusers_local.loading.folders import ModelTrouble
from backends.diffusers_local.loading.model import Model, load_model
from tests.backends.diffusers_local.conftest import Studio, a_work, ref_of
from tests.backends.diffusers_local.originals import (
    original_clip_g_tensors,
    original_unet_name,
    original_vae_tensors,
    write_tokenizer,
)

# the two text encoders are told apart by their widths
FIRST, SECOND = 24, 32
_TEXT = {"intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
SMALL = {
    "unet": {
        "block_out_channels": [8, 8, 16],
        "transformer_layers_per_block": [1, 1, 2],
        "norm_num_groups": 4,
        "attention_head_dim": 2,
        "cross_attention_dim": FIRST + SECOND,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": SECOND + 6 * 8,
    },
    "vae": {"block_out_channels": [8, 8, 8, 8], "norm_num_groups": 4},
    "text_encoder": _TEXT | {"hidden_size": FIRST, "projection_dim": FIRST},
    "text_encoder_2": _TEXT | {"hidden_size": SECOND, "projection_dim": SECOND},
}
Parts = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Parts]:
    """Small configurations, and a random model of them as one file with a tokenizer beside it."""
    home = tmp_path_factory.mktemp("xl")
    configs = Path(shutil.copytree(single_file.CONFIGS, home / "configs"))
    for part, changes in SMALL.items():
        path = configs / "sdxl" / part / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    parts = build(configs / "sdxl")
    tensors = {original_unet_name(k, ""): v for k, v in parts["unet"].state_dict().items()}
    tensors |= original_vae_tensors(parts["vae"].state_dict())
    first, second = parts["text_encoder"].state_dict(), parts["text_encoder_2"].state_dict()
    tensors |= {f"conditioner.embedders.0.transformer.text_model.{k}": v for k, v in first.items()}
    tensors |= {f"conditioner.embedders.1.model.{k}": v for k, v in original_clip_g_tensors(second).items()}
    write_tokenizer(home / "models")
    path = home / "models" / "small.safetensors"
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    return configs, path, parts


@pytest.fixture
def file(made: tuple[Path, Path, Parts], monkeypatch: pytest.MonkeyPatch) -> Path:
    family = stable_diffusion_xl.FAMILY
    small = structs.replace(
        family, checkpoints=(structs.replace(family.checkpoints[0], width=FIRST + SECOND),)
    )
    monkeypatch.setattr(single_file, "CONFIGS", made[0])
    monkeypatch.setattr(single_file, "FAMILIES", {small.id: small})
    return made[1]


def build(configs: Path) -> Parts:
    torch.manual_seed(1)
    return {
        "unet": UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(configs / "unet")),
        "vae": AutoencoderKL.from_config(AutoencoderKL.load_config(configs / "vae")),
        "text_encoder": CLIPTextModel(CLIPTextConfig.from_pretrained(configs / "text_encoder")),
        "text_encoder_2": CLIPTextModelWithProjection(
            CLIPTextConfig.from_pretrained(configs / "text_encoder_2")
        ),
    }


def load(file: Path) -> Model:
    return load_model(ref_of(file), torch.device("cpu"), torch.float32)


def test_every_number_arrives(file: Path, made: tuple[Path, Path, Parts]) -> None:
    model = load(file)
    for name, original in made[2].items():
        loaded = model.parts[name].state_dict()
        for key, value in original.state_dict().items():
            assert torch.equal(loaded[key], value), (name, key)
    assert model.parts["tokenizer"].pad_token == "<|endoftext|>"
    assert model.parts["tokenizer_2"].pad_token == "!"
    with torch.inference_mode():
        text = model.texts.encode("w1 w2")
    assert text.states.shape == (1, 77, FIRST + SECOND)
    assert text.pooled is not None
    assert text.pooled.shape == (1, SECOND)


def test_what_is_missing_is_named(file: Path, tmp_path: Path) -> None:
    tensors = load_file(file)
    del tensors["conditioner.embedders.1.model.text_projection"]
    write_tokenizer(tmp_path)
    save_file(tensors, tmp_path / "pruned.safetensors")
    with pytest.raises(ModelTrouble, match=r"1 of its tensors.*text_encoder_2\.text_projection\.weight"):
        load(tmp_path / "pruned.safetensors")


def test_it_draws(file: Path, studio: Studio) -> None:
    (picture,) = studio.draw(a_work(file, prompt="w1 w2", steps=2))
    assert picture.size == (64, 64)


def test_the_shipped_configuration_is_the_published_model() -> None:
    folder = single_file.CONFIGS / "sdxl"
    with torch.device("meta"):
        parts = build(folder)
    million = {name: round(sum(p.numel() for p in part.parameters()) / 1e6) for name, part in parts.items()}
    assert million == {"unet": 2567, "vae": 84, "text_encoder": 123, "text_encoder_2": 695}
    index = StableDiffusionXLPipeline.load_config(folder)
    assert (index["_class_name"], index["force_zeros_for_empty_prompt"]) == (
        "StableDiffusionXLPipeline",
        True,
    )

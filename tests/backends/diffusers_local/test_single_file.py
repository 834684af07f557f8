"""Single-file checkpoints: the same numbers as the folder they came from, written in the original's names."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from msgspec import structs
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from backends.diffusers_local import single_file
from backends.diffusers_local.families.stable_diffusion import _LAST_NORM, _TEXT, FAMILY
from backends.diffusers_local.folders import ModelTrouble
from backends.diffusers_local.model import load_model
from tests.backends.diffusers_local.conftest import ref_of

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
    vocab = {"<|startoftext|>": 49406, "<|endoftext|>": 49407} | {f"w{n}</w>": n for n in range(49406)}
    tokenizer = CLIPTokenizer(vocab=vocab, merges=[])
    tokenizer.save_pretrained(folder / "tokenizer")
    return folder


def original_unet_name(key: str) -> str:
    """A diffusers name of a four-level UNet with two layers a block in the original's words."""
    for pattern, made in (
        (r"^time_embedding\.linear_(\d)", lambda m: f"time_embed.{0 if m[1] == '1' else 2}"),
        (r"^conv_in", lambda m: "input_blocks.0.0"),
        (r"^conv_norm_out", lambda m: "out.0"),
        (r"^conv_out", lambda m: "out.2"),
        (r"^down_blocks\.(\d)\.resnets\.(\d)", lambda m: f"input_blocks.{3 * int(m[1]) + int(m[2]) + 1}.0"),
        (
            r"^down_blocks\.(\d)\.attentions\.(\d)",
            lambda m: f"input_blocks.{3 * int(m[1]) + int(m[2]) + 1}.1",
        ),
        (r"^down_blocks\.(\d)\.downsamplers\.0\.conv", lambda m: f"input_blocks.{3 * (int(m[1]) + 1)}.0.op"),
        (r"^mid_block\.resnets\.(\d)", lambda m: f"middle_block.{2 * int(m[1])}"),
        (r"^mid_block\.attentions\.0", lambda m: "middle_block.1"),
        (r"^up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"output_blocks.{3 * int(m[1]) + int(m[2])}.0"),
        (r"^up_blocks\.(\d)\.attentions\.(\d)", lambda m: f"output_blocks.{3 * int(m[1]) + int(m[2])}.1"),
        (
            r"^up_blocks\.(\d)\.upsamplers\.0\.conv",
            lambda m: f"output_blocks.{3 * int(m[1]) + 2}.{1 if m[1] == '0' else 2}.conv",
        ),
    ):
        found = re.match(pattern, key)
        if found:
            key = made(found) + key[found.end() :]
            break
    for ours, theirs in (
        ("norm1", "in_layers.0"),
        ("conv1", "in_layers.2"),
        ("norm2", "out_layers.0"),
        ("conv2", "out_layers.3"),
        ("time_emb_proj", "emb_layers.1"),
        ("conv_shortcut", "skip_connection"),
    ):
        if "transformer_blocks" not in key:
            key = key.replace(ours, theirs)
    return f"model.diffusion_model.{key}"


def original_vae_name(key: str) -> str:
    for pattern, made in (
        (r"encoder\.down_blocks\.(\d)\.resnets\.(\d)", r"encoder.down.\1.block.\2"),
        (r"encoder\.down_blocks\.(\d)\.downsamplers\.0", r"encoder.down.\1.downsample"),
        (r"mid_block\.resnets\.0", "mid.block_1"),
        (r"mid_block\.resnets\.1", "mid.block_2"),
        (r"mid_block\.attentions\.0\.group_norm", "mid.attn_1.norm"),
        (r"mid_block\.attentions\.0\.to_([qkv])", r"mid.attn_1.\1"),
        (r"mid_block\.attentions\.0\.to_out\.0", "mid.attn_1.proj_out"),
        (r"conv_norm_out", "norm_out"),
        (r"conv_shortcut", "nin_shortcut"),
    ):
        key = re.sub(pattern, made, key)
    key = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{3 - int(m[1])}.block.{m[2]}", key)
    key = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", key)
    return f"first_stage_model.{key}"


@pytest.fixture
def checkpoint(configs: Path, models: Path) -> tuple[Path, Any, Any, Any]:
    """A random model, as a single file in the original's names."""
    torch.manual_seed(1)
    unet = UNet2DConditionModel.from_config(configs / "sd1" / "unet")
    vae = AutoencoderKL.from_config(configs / "sd1" / "vae")
    text = CLIPTextModel(CLIPTextConfig.from_pretrained(configs / "sd1" / "text_encoder"))
    tensors = {original_unet_name(k): v for k, v in unet.state_dict().items()}
    for key, value in vae.state_dict().items():
        attention = "attentions" in key and "group_norm" not in key and key.endswith("weight")
        tensors[original_vae_name(key)] = value[:, :, None, None] if attention else value
    tensors |= {f"cond_stage_model.transformer.text_model.{k}": v for k, v in text.state_dict().items()}
    path = models / "small.safetensors"
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    return path, unet, vae, text


def test_every_number_arrives(checkpoint: tuple[Path, Any, Any, Any]) -> None:
    path, unet, vae, text = checkpoint
    model = load_model(ref_of(path), torch.device("cpu"), torch.float32)
    for part, original in ((model.unet, unet), (model.vae, vae), (model.parts["text_encoder"], text)):
        loaded = part.state_dict()
        for key, value in original.state_dict().items():
            assert torch.equal(loaded[key], value), key
    assert model.prediction == "epsilon"
    assert model.scale == 8
    with torch.inference_mode():
        assert model.texts.encode("w1 w2").states.shape == (1, 77, WIDTH)


def test_without_a_tokenizer_it_says_what_to_do(
    checkpoint: tuple[Path, Any, Any, Any], tmp_path: Path
) -> None:
    far = tmp_path / "far" / "away"
    far.mkdir(parents=True)
    alone = Path(shutil.copy(checkpoint[0], far / "alone.safetensors"))
    with pytest.raises(ModelTrouble, match="brings no tokenizer"):
        load_model(ref_of(alone), torch.device("cpu"), torch.float32)


@pytest.mark.parametrize(
    ("tensors", "word"),
    [
        ({"something": (2, 2)}, "no checkpoint"),
        ({single_file._FIRST: (8, 9, 3, 3), _TEXT: (8, 768)}, "9 input channels"),
        ({single_file._FIRST: (8, 4, 3, 3), _TEXT: (8, 2048)}, "width 2048"),
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

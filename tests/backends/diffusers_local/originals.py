"""The names that the first publications gave their tensors, which single files still use."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import CLIPTokenizer


def write_tokenizer(folder: Path) -> None:
    """A tokenizer of CLIP's size, beside which a single file can lie."""
    vocab = {"<|startoftext|>": 49406, "<|endoftext|>": 49407} | {f"w{n}</w>": n for n in range(49406)}
    CLIPTokenizer(vocab=vocab, merges=[]).save_pretrained(folder / "tokenizer")


def original_unet_name(key: str, plain_up: str = "0") -> str:
    """A diffusers name of a UNet with two layers a block in the original's words.

    `plain_up` is the block on the way up that has no attention before its upsampler.
    """
    for pattern, made in (
        (r"^time_embedding\.linear_(\d)", lambda m: f"time_embed.{0 if m[1] == '1' else 2}"),
        (r"^add_embedding\.linear_(\d)", lambda m: f"label_emb.0.{0 if m[1] == '1' else 2}"),
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
            lambda m: f"output_blocks.{3 * int(m[1]) + 2}.{1 if m[1] == plain_up else 2}.conv",
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


def original_vae_tensors(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """An autoencoder's tensors by the original's names, its attention as convolutions."""
    tensors = {}
    for key, value in state.items():
        attention = "attentions" in key and "group_norm" not in key and key.endswith("weight")
        tensors[_original_vae_name(key)] = value[:, :, None, None] if attention else value
    return tensors


def _original_vae_name(key: str) -> str:
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


def original_clip_g_tensors(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A text encoder with projection by OpenCLIP's names: query, key and value are one tensor there."""
    tensors = {}
    for key, value in state.items():
        name = key.removeprefix("text_model.")
        for ours, theirs in (
            ("embeddings.position_embedding.weight", "positional_embedding"),
            ("embeddings.token_embedding.weight", "token_embedding.weight"),
            ("final_layer_norm", "ln_final"),
            ("text_projection.weight", "text_projection"),
            ("encoder.layers", "transformer.resblocks"),
            ("layer_norm", "ln_"),
            ("self_attn", "attn"),
            ("fc1", "c_fc"),
            ("fc2", "c_proj"),
        ):
            name = name.replace(ours, theirs)
        if re.search(r"\.[kv]_proj\.(weight|bias)$", key):
            continue
        if match := re.search(r"\.q_proj\.(weight|bias)$", key):
            parts = [state[key.replace("q_proj", f"{kind}_proj")] for kind in "qkv"]
            name, value = name.replace(f"q_proj.{match[1]}", f"in_proj_{match[1]}"), torch.cat(parts)
        tensors[name] = value.T if name == "text_projection" else value
    return tensors

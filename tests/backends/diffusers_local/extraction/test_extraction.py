"""LoRAs out of the difference of two models: laid over the base, they draw what the tuned model draws."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

from backends.diffusers_local.extraction.__main__ import Refused, extract
from backends.diffusers_local.extraction.halves import EXACT, halves, named
from backends.diffusers_local.extraction.weights import Files, weights_of
from backends.diffusers_local.families.stable_diffusion import FAMILY as _SD
from backends.diffusers_local.loading import single_file
from backends.spawn import ROOT
from tests.backends.diffusers_local.conftest import Studio, a_work, build_pipeline
from tests.backends.diffusers_local.flow import build_flux, build_sd3
from tests.backends.diffusers_local.loras import changes, lora
from tests.backends.diffusers_local.originals import original_unet_name
from tests.backends.diffusers_local.xl import build_xl

RANK = 4
BUILDS: dict[str, tuple[Callable[[], Any], tuple[str, ...], dict[str, Any]]] = {
    "sd": (build_pipeline, ("unet", "text_encoder"), {}),
    "xl": (build_xl, ("unet", "text_encoder", "text_encoder_2"), {}),
    "sd3": (build_sd3, ("transformer",), {"cfg_scale": 4.0}),
    "flux": (build_flux, ("transformer",), {"cfg_scale": 1.0, "scheduler": "simple"}),
}


def tune(pipeline: Any, parts: tuple[str, ...], *, rank: int = RANK) -> None:
    """Change every module that a LoRA can change by a matrix of a low rank."""
    for part, found in changes(pipeline, parts, rank=rank, convolutions=True).items():
        modules = dict(getattr(pipeline, part).named_modules())
        for name, (down, up) in found.items():
            weight = modules[name].weight
            change = (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)
            with torch.no_grad():
                weight.add_(change)


def pair(home: Path, kind: str, half: bool = False) -> tuple[Path, Path]:
    build, parts, _ = BUILDS[kind]
    pipeline = build()
    if half:
        pipeline.to(torch.float16)
    pipeline.save_pretrained(home / "base")
    tune(pipeline, parts)
    pipeline.save_pretrained(home / "tuned")
    return home / "base", home / "tuned"


def extracted(base: Path, tuned: Path, rank: int = RANK) -> tuple[Path, list[dict[str, Any]]]:
    said: list[dict[str, Any]] = []
    target = base.parent / "made.safetensors"
    with torch.inference_mode():
        extract(base, tuned, target, rank, {"modelspec.title": "made"}, said.append)
    return target, said


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.long] if at else []) for at, kind in enumerate(BUILDS)]
)
def test_over_the_base_model_it_draws_what_the_tuned_one_draws(
    kind: str, tmp_path: Path, studio: Studio
) -> None:
    base, tuned = pair(tmp_path, kind)
    file, said = extracted(base, tuned)
    assert said[-1]["held"] > 0.9999 and said[-1]["left_out"] == 0
    assert said[-1]["bytes"] == file.stat().st_size
    assert [line["done"] for line in said if "done" in line][-1] * 2 == said[-1]["tensors"]
    given = BUILDS[kind][2]
    ours, wanted, plain = studio.draw(
        a_work(base, 1, loras=(lora(file),), **given),
        a_work(tuned, 2, **(given | {"seed": 101})),
        a_work(base, 3, **(given | {"seed": 101})),
    )
    far = np.abs(np.asarray(ours, np.int16) - np.asarray(wanted, np.int16)).max()
    assert far <= 1
    assert not np.array_equal(np.asarray(wanted), np.asarray(plain))


def test_a_lower_rank_is_nearer_the_tuned_model_than_the_base_is(tmp_path: Path) -> None:
    base, tuned = pair(tmp_path, "sd")
    _, said = extracted(base, tuned, rank=1)
    assert 0.2 < said[-1]["held"] < 0.99


def test_models_of_half_precision_make_a_lora_of_half_precision(tmp_path: Path) -> None:
    base, tuned = pair(tmp_path, "sd", half=True)
    file, _ = extracted(base, tuned)
    assert {tensor.dtype for tensor in load_file(file).values()} == {torch.float16}


def test_what_no_lora_can_change_is_counted_and_left_out(tmp_path: Path) -> None:
    base, tuned = pair(tmp_path, "sd")
    unet = tuned / "unet/diffusion_pytorch_model.safetensors"
    tensors = load_file(unet)
    for name in ("conv_in.weight", "conv_norm_out.bias", "time_embedding.linear_1.weight"):
        tensors[name] = tensors[name] + 1
    save_file(tensors, unet)
    file, said = extracted(base, tuned)
    assert said[-1]["left_out"] == 3
    assert not any("conv_in" in name or "time_embedding" in name for name in load_file(file))


class TestNoLora:
    def test_of_a_model_and_itself(self, tmp_path: Path) -> None:
        base, _ = pair(tmp_path, "sd")
        with pytest.raises(Refused, match="do not differ"):
            extracted(base, base)

    def test_of_two_families(self, tmp_path: Path) -> None:
        base, _ = pair(tmp_path / "one", "sd")
        other, _ = pair(tmp_path / "two", "xl")
        with pytest.raises(Refused, match=r"Stable Diffusion XL.*same architecture"):
            extracted(base, other)

    def test_of_two_shapes(self, tmp_path: Path) -> None:
        base, tuned = pair(tmp_path, "sd")
        unet = tuned / "unet/diffusion_pytorch_model.safetensors"
        tensors = load_file(unet)
        tensors["conv_in.weight"] = tensors["conv_in.weight"][:, :3].contiguous()
        save_file(tensors, unet)
        with pytest.raises(Refused, match=r"conv_in.weight has the shape \[16, 4, 3, 3\]"):
            extracted(base, tuned)

    def test_of_numbers_that_are_none(self, tmp_path: Path) -> None:
        base, tuned = pair(tmp_path, "sd")
        unet = tuned / "unet/diffusion_pytorch_model.safetensors"
        tensors = load_file(unet)
        name = next(name for name in tensors if name.endswith("attn1.to_q.weight"))
        tensors[name][0, 0] = float("nan")
        save_file(tensors, unet)
        with pytest.raises(Refused, match="NaN"):
            extracted(base, tuned)

    def test_on_a_full_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        base, tuned = pair(tmp_path, "sd")
        free = type("Usage", (), {"free": 1 << 10})
        monkeypatch.setattr("shutil.disk_usage", lambda folder: free)
        with pytest.raises(Refused, match="0 MiB of the disk are free"):
            extracted(base, tuned)

    def test_as_the_process_says_it(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        places = (tmp_path / "empty", tmp_path / "gone", tmp_path / "new")
        done = subprocess.run(
            [sys.executable, "-m", "backends.diffusers_local.extraction", *map(str, places), "4"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert json.loads(done.stdout.splitlines()[-1])["refused"].startswith(
            "one of the models cannot be read"
        )


def test_the_quick_way_for_large_matrices_is_as_near_as_the_exact_one() -> None:
    torch.manual_seed(3)
    difference = torch.randn(EXACT + 90, 20) @ torch.randn(20, EXACT + 60)
    difference += 0.01 * torch.randn_like(difference)
    up, down, held = halves(difference, 16)
    sizes = torch.linalg.svdvals(difference)
    best = float(sizes[:16].square().sum() / sizes.square().sum())
    assert up.shape == (EXACT + 90, 16) and down.shape == (16, EXACT + 60)
    assert held == pytest.approx(best, rel=1e-4)
    assert float((difference - up @ down).square().sum()) == pytest.approx(
        float(sizes[16:].square().sum()), rel=1e-2
    )
    again, _, _ = halves(difference, 16)
    assert torch.equal(up, again)


class TestCheckpoints:
    """Single files in the names of the first publications."""

    def test_a_unets_names_are_those_of_diffusers(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unet = _two_layered()
        configs = tmp_path / "configs"
        unet.save_config(configs / "sd1" / "unet")
        monkeypatch.setattr(single_file, "CONFIGS", configs)
        monkeypatch.setattr(single_file, "recognise", lambda path: (_SD, _SD.checkpoints[0]))
        tensors = {original_unet_name(name): tensor for name, tensor in unet.state_dict().items()}
        head = "cond_stage_model.transformer.text_model."
        tensors[f"{head}encoder.layers.0.mlp.fc1.weight"] = torch.ones(2, 2)
        open_clip = "cond_stage_model.model.transformer.resblocks.3."
        thirds = torch.arange(12.0).reshape(6, 2)
        tensors |= {
            f"{open_clip}attn.in_proj_weight": thirds,
            f"{open_clip}mlp.c_fc.weight": torch.ones(4, 2),
        }
        save_file(
            {name: tensor.contiguous() for name, tensor in tensors.items()}, tmp_path / "one.safetensors"
        )
        found = weights_of(tmp_path / "one.safetensors").found
        files = Files()
        for name, tensor in unet.state_dict().items():
            assert torch.equal(files.read(found[f"unet.{name}"]), tensor), name
        assert "text_encoder.encoder.layers.0.mlp.fc1.weight" in found
        layer = "text_encoder.encoder.layers.3"
        for number, kind in enumerate("qkv"):
            part = files.read(found[f"{layer}.self_attn.{kind}_proj.weight"])
            assert torch.equal(part, thirds[2 * number : 2 * number + 2])
        assert files.read(found[f"{layer}.mlp.fc1.weight"]).shape == (4, 2)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("unet.down_blocks.0.resnets.0.conv1.weight", "lora_unet_down_blocks_0_resnets_0_conv1"),
        ("unet.conv_in.weight", None),
        ("unet.down_blocks.0.resnets.0.conv1.bias", None),
        ("text_encoder.layers.0.self_attn.q_proj.weight", "lora_te1_text_model_layers_0_self_attn_q_proj"),
        ("text_encoder_2.encoder.layers.1.mlp.fc2.weight", "lora_te2_text_model_encoder_layers_1_mlp_fc2"),
        ("text_encoder.embeddings.token_embedding.weight", None),
        ("transformer.transformer_blocks.0.attn.to_q.weight", "transformer.transformer_blocks.0.attn.to_q"),
        ("transformer.proj_out.weight", None),
    ],
)
def test_what_a_module_is_called(name: str, module: str | None) -> None:
    assert named(name, encoders=2) == module


def test_the_only_text_encoder_has_no_number() -> None:
    name = named("text_encoder.encoder.layers.0.mlp.fc1.weight", encoders=1)
    assert name == "lora_te_text_model_encoder_layers_0_mlp_fc1"


def _two_layered() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=2,
        cross_attention_dim=8,
        attention_head_dim=2,
        norm_num_groups=4,
    )

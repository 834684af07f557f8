"""Packs a training run into an ordinary diffusers folder, with `hub.json` and the preview matrix beside it.

python -m backends.diffusers_local.starter.package RUN_FOLDER [--into WEIGHTS_FOLDER]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextModel

from backends.diffusers_local.starter.latents import load_space
from backends.diffusers_local.starter.loading import WEIGHTS
from backends.diffusers_local.starter.networks import build_scheduler, build_text_encoder, build_unet
from backends.diffusers_local.starter.tokenizer import build_tokenizer
from backends.diffusers_local.starter.train_decoder import load_decoder
from backends.diffusers_local.starter.vocabulary import SHIPPED, TRAINED
from backends.diffusers_local.starter.words import ALIASES

CARD: dict[str, Any] = {
    "title": "Starter (demonstration)",
    "author": "Generation Hub",
    "description": (
        "A tiny demonstration model, trained from scratch by this repository on pictures it draws itself. "
        "Flat shapes in twelve colours, counts to five, pairs, and landscapes: “a red circle on blue”, "
        "“three yellow stars”, “a green square left of a pink heart”, “a boat at sea at sunset”."
    ),
    "license": "MIT",
    "class": "starter",
    "native_sizes": [[256, 256], [384, 256], [256, 384]],
    "defaults": {"steps": 16, "cfgscale": 3.0, "sampler": "ddim", "scheduler": "sgm_uniform"},
    "python_module": "backends.diffusers_local.starter.autoencoder",
    "vocabulary": sorted(word for word in SHIPPED if not word.startswith("<")),
    "vocabulary_module": "backends.diffusers_local.starter.vocabulary",
    "preview": {"file": "preview.safetensors", "basis": "basis", "mean": "mean", "patch": 8},
}
"""What the diffusers configs cannot say. Previews: mean + latent @ basis per cell: 3 planes of 8x8 pixels."""


def shipped_text_encoder(trained: CLIPTextModel) -> CLIPTextModel:
    """The trained text encoder with one more embedding row for each alias, a copy of its word's."""
    shipped = build_text_encoder(len(SHIPPED), "sdpa")
    state = trained.state_dict()
    name = next(key for key in state if key.endswith("token_embedding.weight"))
    rows = [TRAINED.get(word, TRAINED.get(ALIASES.get(word, ""), 0)) for word in SHIPPED]
    state[name] = state[name][rows]
    shipped.load_state_dict(state)
    return shipped


def averaged_networks(run: Path) -> tuple[UNet2DConditionModel, CLIPTextModel, int]:
    """The denoiser and text encoder of a run with their averaged weights, and the samples seen."""
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    unet, text = build_unet(), build_text_encoder()
    with torch.no_grad():
        for weight, kept in zip([*unet.parameters(), *text.parameters()], state["average"], strict=True):
            weight.copy_(kept)
    return unet.eval(), text.eval(), state["seen"]


def build_pipeline(run: Path) -> StableDiffusionPipeline:
    """The stock pipeline over a run's networks, in float32."""
    unet, text, _ = averaged_networks(run)
    autoencoder, _ = load_decoder(run)
    return StableDiffusionPipeline(
        vae=autoencoder.eval(),
        text_encoder=shipped_text_encoder(text).eval(),
        tokenizer=build_tokenizer(),
        unet=unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def write_package(run: Path, into: Path) -> None:
    """Write the folder: half-precision safetensors, configs, hub.json and preview.safetensors.

    Files are made beside it and moved over the old ones, which a process may have mapped.
    """
    with TemporaryDirectory(dir=into.parent) as made:
        new = Path(made)
        build_pipeline(run).to(dtype=torch.float16).save_pretrained(new, safe_serialization=True)
        space = load_space(run / "latents.npz")
        preview = {"basis": torch.from_numpy(space.back).contiguous(), "mean": torch.from_numpy(space.mean)}
        save_file(preview, new / "preview.safetensors")
        text = json.dumps(CARD, indent=1, ensure_ascii=False)
        (new / "hub.json").write_text(text + "\n", encoding="utf-8")
        for path in (path for path in new.rglob("*") if path.is_file()):
            path.chmod(0o644)
            place = into / path.relative_to(new)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)


def main() -> None:
    """Read the command line and pack."""
    parser = argparse.ArgumentParser(description="Pack a training run into a diffusers folder.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--into", type=Path, default=WEIGHTS)
    asked = parser.parse_args()
    write_package(asked.run, asked.into)


if __name__ == "__main__":
    main()

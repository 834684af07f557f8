"""Small random LoRAs in the names that trainers write them in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from backends.contract import Lora, ModelRef

_READERS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


def changes(
    pipeline: Any, parts: tuple[str, ...], *, rank: int = 4, seed: int = 1, convolutions: bool = False
) -> dict[str, dict[str, tuple[torch.Tensor, torch.Tensor]]]:
    """For each part of the pipeline, by a module's name, its two matrices (down, up)."""
    generator = torch.Generator().manual_seed(seed)
    made: dict[str, dict[str, tuple[torch.Tensor, torch.Tensor]]] = {}
    for part in parts:
        found = made.setdefault(part, {})
        for name, module in getattr(pipeline, part).named_modules():
            if part.startswith("text_encoder") and not name.endswith(_READERS):
                continue
            if not part.startswith("text_encoder") and not any(
                word in name for word in ("attn", "attention")
            ):
                if not (convolutions and "resnets" in name):
                    continue
            if isinstance(module, torch.nn.Linear):
                down: tuple[int, ...] = (rank, module.in_features)
                up: tuple[int, ...] = (module.out_features, rank)
            elif isinstance(module, torch.nn.Conv2d):
                down = (rank, module.in_channels, *module.kernel_size)
                up = (module.out_channels, rank, 1, 1)
            else:
                continue
            found[name] = (
                torch.randn(down, generator=generator) * 0.2,
                torch.randn(up, generator=generator) * 0.2,
            )
    return made


def kohya(made: Mapping[str, Mapping[str, tuple[torch.Tensor, torch.Tensor]]], *, alpha: float = 2.0) -> Any:
    """In kohya's names, which the scripts of sd-scripts write."""
    two = "text_encoder_2" in made
    prefixes = {
        "unet": "lora_unet",
        "text_encoder": "lora_te1" if two else "lora_te",
        "text_encoder_2": "lora_te2",
    }
    tensors: dict[str, torch.Tensor] = {}
    for part, found in made.items():
        for name, (down, up) in found.items():
            if part.startswith("text_encoder") and not name.startswith("text_model"):
                name = f"text_model.{name}"
            key = f"{prefixes[part]}_{name.replace('.', '_')}"
            tensors |= {
                f"{key}.lora_down.weight": down,
                f"{key}.lora_up.weight": up,
                f"{key}.alpha": torch.tensor(alpha),
            }
    return tensors


def peft(made: Mapping[str, Mapping[str, tuple[torch.Tensor, torch.Tensor]]]) -> Any:
    """In PEFT's names under the part's, which diffusers' scripts write."""
    return {
        f"{part}.{name}.{kind}.weight": tensor
        for part, found in made.items()
        for name, (down, up) in found.items()
        for kind, tensor in (("lora_A", down), ("lora_B", up))
    }


def dora(made: Mapping[str, Mapping[str, tuple[torch.Tensor, torch.Tensor]]], pipeline: Any) -> Any:
    """In PEFT's names, with the lengths that DoRA learns beside the matrices (of linear layers only)."""
    tensors: dict[str, torch.Tensor] = {}
    for part, found in made.items():
        modules = dict(getattr(pipeline, part).named_modules())
        linear = {name: pair for name, pair in found.items() if isinstance(modules[name], torch.nn.Linear)}
        tensors |= peft({part: linear})
        for name in linear:
            lengths = modules[name].weight.detach().norm(dim=1)
            tensors[f"{part}.{name}.lora_magnitude_vector"] = lengths * 1.1
    return tensors


def write(path: Path, tensors: Mapping[str, torch.Tensor], about: Mapping[str, str] | None = None) -> Path:
    """A LoRA's file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(whole, path, metadata=dict(about) if about else None)
    return path


def lora(path: Path, weight: float = 1.0, text_weight: float | None = None) -> Lora:
    """This file with these weights; the text encoders' is the other's when not given."""
    named = ModelRef(path.stem, str(path))
    return Lora(named, weight, weight if text_weight is None else text_weight)

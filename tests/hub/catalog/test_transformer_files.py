"""Transformers saved by diffusers are told by the names and sizes of their tensors."""

from typing import Any

import diffusers
import pytest
import torch

from hub.catalog.classes import by_tensors

SMALL_FLUX = {"num_layers": 1, "num_single_layers": 1}


@pytest.mark.parametrize(
    ("network", "settings", "expected"),
    [
        ("FluxTransformer2DModel", SMALL_FLUX | {"guidance_embeds": True}, "Flux.1-dev"),
        ("FluxTransformer2DModel", SMALL_FLUX, "Flux.1-schnell"),
        (
            "SD3Transformer2DModel",
            {"num_layers": 2, "num_attention_heads": 24, "caption_projection_dim": 1536},
            "stable-diffusion-v3-medium",
        ),
        (
            "SD3Transformer2DModel",
            {
                "num_layers": 2,
                "num_attention_heads": 24,
                "caption_projection_dim": 1536,
                "dual_attention_layers": (0,),
            },
            "stable-diffusion-v3.5-medium",
        ),
        (
            "SD3Transformer2DModel",
            {"num_layers": 2, "num_attention_heads": 38, "caption_projection_dim": 2432},
            "stable-diffusion-v3.5-large",
        ),
        ("QwenImageTransformer2DModel", {"num_layers": 1}, "qwen-image"),
        ("ZImageTransformer2DModel", {"n_layers": 1, "n_refiner_layers": 1}, "z-image"),
        ("Lumina2Transformer2DModel", {"num_layers": 1, "num_refiner_layers": 1}, "lumina-2"),
        ("Flux2Transformer2DModel", {"num_layers": 1, "num_single_layers": 1}, None),
    ],
)
def test_told_by_its_tensors(network: str, settings: dict[str, Any], expected: str | None) -> None:
    with torch.device("meta"):  # names and sizes, no numbers
        tensors = getattr(diffusers, network)(**settings).state_dict()
    found = by_tensors(tensors.keys(), lambda name: tuple(tensors[name].shape))
    assert (None if found is None else found.id) == expected

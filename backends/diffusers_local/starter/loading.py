"""Loads the shipped folder into a stock pipeline, offline."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from diffusers import DiffusionPipeline

import backends.diffusers_local.starter.autoencoder  # noqa: F401  (diffusers takes its class only when imported)

WEIGHTS = Path(__file__).parent / "weights"
Pipeline = TypeVar("Pipeline", bound=DiffusionPipeline)


def load_starter(
    pipeline: type[Pipeline], folder: Path = WEIGHTS, dtype: torch.dtype = torch.float32
) -> Pipeline:
    """The starter model in a pipeline class such as StableDiffusionPipeline; nothing is fetched."""
    loaded = pipeline.from_pretrained(
        folder, dtype=dtype, local_files_only=True, safety_checker=None, requires_safety_checker=False
    )
    loaded.set_progress_bar_config(disable=True)
    return loaded

"""The latent space: principal components of 8x8 pixel patches of the small (64 px) picture."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from backends.diffusers_local.starter.scenes import KINDS, choose_scene, draw_scene

CHANNELS = 24
PATCH = 8
Floats = npt.NDArray[np.float32]


def as_floats(pictures: list[Image.Image]) -> Floats:
    """Pictures of one size as (n, height, width, 3) from -1 to 1."""
    return (
        np.stack([np.asarray(picture, dtype=np.uint8) for picture in pictures]).astype(np.float32) / 127.5
        - 1.0
    )


def patches(small: Floats) -> Floats:
    """Cut (n, h*8, w*8, 3) into (n, h, w, 192), each patch as 3 colour planes of 8 rows of 8."""
    n, high, wide, _ = small.shape
    cut = small.reshape(n, high // PATCH, PATCH, wide // PATCH, PATCH, 3)
    return cut.transpose(0, 1, 3, 5, 2, 4).reshape(n, high // PATCH, wide // PATCH, 3 * PATCH * PATCH)


@dataclass(frozen=True, slots=True)
class LatentSpace:
    """A linear map and its inverse: latent = into @ (patch - mean), patch = mean + latent @ back.

    `mean` is (192,), `into` and `back` are (CHANNELS, 192).
    """

    mean: Floats
    into: Floats
    back: Floats

    def encode(self, small: Floats) -> Floats:
        """Small pictures (n, h*8, w*8, 3) in -1..1 -> latents (n, CHANNELS, h, w)."""
        latents = (patches(small) - self.mean) @ self.into.T
        return np.ascontiguousarray(latents.transpose(0, 3, 1, 2))

    def save(self, path: Path) -> None:
        """Write the three arrays to an .npz file."""
        np.savez(path, mean=self.mean, into=self.into, back=self.back)


def load_space(path: Path) -> LatentSpace:
    """Read what LatentSpace.save wrote."""
    with np.load(path) as stored:
        return LatentSpace(stored["mean"], stored["into"], stored["back"])


def fit_space(pictures: int = 6000, seed: int = 7) -> LatentSpace:
    """Fit the space on freshly drawn training scenes; components are half whitened, unit spread."""
    rng = random.Random(seed)
    weights = (3, 3, 3, 2)
    kinds = rng.choices(KINDS, weights, k=pictures)
    flat = np.concatenate(
        [patches(as_floats([draw_scene(choose_scene(rng, kind), 8, 4)])).reshape(-1, 192) for kind in kinds]
    )
    mean = flat.mean(0)
    values, vectors = np.linalg.eigh(np.cov(flat - mean, rowvar=False))
    spread = np.sqrt(values[::-1][:CHANNELS])
    basis = vectors[:, ::-1][:, :CHANNELS].T
    scale = spread**-0.5
    scale = scale / np.sqrt(np.mean((scale * spread) ** 2))
    return LatentSpace(
        mean.astype(np.float32),
        (basis * scale[:, None]).astype(np.float32),
        (basis / scale[:, None]).astype(np.float32),
    )

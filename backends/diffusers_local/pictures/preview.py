"""Latents -> small pictures by one matrix: cheap enough for every step, and never the decoder."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as Picture
from safetensors import SafetensorError, safe_open

from backends.diffusers_local.pictures.scale import scaled

Floats = npt.NDArray[np.float32]

_LARGEST = 256  # pixels along a preview's longer side
_QUALITY = 80
_PORTION = 200_000  # multiplications that numpy's library does on one thread
_CHART = 16  # latent cells of 8 pixels along one side of the chart a map is fitted on
_FEWEST = 8  # cells, however large they are: fewer are too few colours


@dataclass(frozen=True, slots=True)
class PreviewMap:
    """A linear map from a latent cell to `patch` x `patch` pixels: `basis` (channels, 3*patch*patch),
    `mean` of that.

    Pixels come as three colour planes, -1..1.
    """

    basis: Floats
    mean: Floats
    patch: int

    def draw(self, latents: Floats) -> Picture.Image:
        """Latents (channels, h, w) -> a picture of w*patch by h*patch pixels."""
        channels, high, wide = latents.shape
        cells = _product(latents.reshape(channels, high * wide).T, self.basis)
        cells += self.mean
        cells *= 127.5
        cells += 127.5
        # these two make nothing of what is no number, and bytes are moved in a quarter of the time of floats
        np.fmin(np.fmax(cells, 0, out=cells), 255, out=cells)
        side = self.patch
        planes = cells.astype(np.uint8).reshape(high, wide, 3, side, side).transpose(0, 3, 1, 4, 2)
        return Picture.fromarray(np.ascontiguousarray(planes).reshape(high * side, wide * side, 3))

    def jpeg(self, latents: Floats) -> bytes:
        """Latents (channels, h, w) -> a small JPEG."""
        return as_jpeg(self._for(max(latents.shape[1:])).draw(latents))

    def _for(self, cells: int) -> "PreviewMap":
        """This map, or its colours averaged so far that so many cells do not become a larger picture than is
        shown: what is not shown need not be computed.
        """
        fitting = max(1, _LARGEST // cells)
        side = next(part for part in range(min(fitting, self.patch), 0, -1) if self.patch % part == 0)
        if side == self.patch:
            return self
        one = self.patch // side
        basis, mean = (
            values.reshape(-1, 3, side, one, side, one).mean((3, 5)).reshape(-1, 3 * side * side)
            for values in (self.basis, self.mean)
        )
        return PreviewMap(basis, mean[0], side)


def _product(rows: Floats, basis: Floats) -> Floats:
    """rows @ basis, in portions so small that the library does not call threads for them, which would take
    the engine's processors and wait for each other beside it: eighteen times slower on a busy machine.
    """
    portion = max(1, _PORTION // basis.size)
    if len(rows) <= portion:
        return rows @ basis
    return np.concatenate([rows[first : first + portion] @ basis for first in range(0, len(rows), portion)])


def as_jpeg(picture: Picture.Image) -> bytes:
    """A picture as a small JPEG; what is too large is made smaller in place."""
    if max(picture.size) > _LARGEST:
        picture.thumbnail((_LARGEST, _LARGEST), Picture.Resampling.BILINEAR)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def read_preview(folder: Path) -> PreviewMap | None:
    """The map a model brings in `preview.safetensors`; None when it brings none or a broken one."""
    path = folder / "preview.safetensors"
    if not path.is_file():
        return None
    try:
        with safe_open(path, "np") as file:
            basis, mean = (
                file.get_tensor("basis").astype(np.float32),
                file.get_tensor("mean").astype(np.float32),
            )
    except (SafetensorError, OSError, ValueError):
        return None
    patch = round((mean.size / 3) ** 0.5)
    fitting = basis.ndim == 2 and basis.shape[1] == mean.size == 3 * patch * patch
    return PreviewMap(basis, mean.reshape(-1), patch) if fitting else None


def fit_preview(vae: Any, device: torch.device, dtype: torch.dtype) -> PreviewMap:
    """Fit a map to any autoencoder: encode a chart of colours and find the matrix that gives them back best.

    One encoding of a small picture; the factors are this autoencoder's own and not somebody's average.
    """
    scale = _scale(vae)
    chart = _chart(max(_FEWEST, _CHART * 8 // max(8, scale)), scale)
    with torch.inference_mode():
        cells = _encoded(vae, torch.from_numpy(chart)[None].to(device, dtype)).cpu().numpy()
    channels, high, wide = cells.shape
    inputs = np.concatenate([cells.reshape(channels, -1).T, np.ones((high * wide, 1), np.float32)], axis=1)
    wanted = chart.reshape(3, high, scale, wide, scale).mean(axis=(2, 4)).reshape(3, -1).T
    ridge = 1e-3 * np.eye(channels + 1, dtype=np.float64) * len(inputs)
    factors = np.linalg.solve(
        inputs.T.astype(np.float64) @ inputs + ridge, inputs.T.astype(np.float64) @ wanted
    )
    return PreviewMap(factors[:-1].astype(np.float32), factors[-1].astype(np.float32), 1)


def _scale(vae: Any) -> int:
    """Pixels per latent cell."""
    if hasattr(vae, "spatial_compression_ratio"):
        return int(vae.spatial_compression_ratio)
    return int(2 ** (len(vae.config.block_out_channels) - 1))


def _encoded(vae: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Pixels (1, 3, height, width) -> float32 latents (channels, h, w) as a denoiser knows them.

    Autoencoders of films take the picture as a film of one frame, and move and scale each channel by itself.
    """
    film = "temperal_downsample" in vae.config
    encoded = vae.encode(pixels[:, :, None] if film else pixels)
    if hasattr(encoded, "latent_dist"):
        latents = encoded.latent_dist.mode()[0].float()
    else:
        latents = (encoded.latents if hasattr(encoded, "latents") else encoded.latent)[0].float()
    if not film:
        return scaled(vae, latents)
    mean, spread = (
        torch.tensor(numbers, device=latents.device).reshape(-1, 1, 1)
        for numbers in (vae.config.latents_mean, vae.config.latents_std)
    )
    cells: torch.Tensor = (latents[:, 0] - mean) / spread
    return cells


def _chart(cells: int, scale: int) -> Floats:
    """(3, cells*scale, cells*scale) in -1..1: soft random colour fields, every colour beside every other."""
    rng = np.random.default_rng(5)
    coarse = rng.uniform(0, 255, (cells, cells, 3)).astype(np.uint8)
    size = (cells * scale, cells * scale)
    sharp = np.asarray(Picture.fromarray(coarse).resize(size, Picture.Resampling.NEAREST), dtype=np.float32)
    soft = np.asarray(
        Picture.fromarray(coarse[:4, :4]).resize(size, Picture.Resampling.BICUBIC), dtype=np.float32
    )
    mixed = np.where(np.arange(size[0])[:, None, None] < size[0] // 2, sharp, soft)
    return np.ascontiguousarray((mixed / 127.5 - 1).transpose(2, 0, 1))

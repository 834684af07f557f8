"""The linear map from latents to colours: fitted to any autoencoder, it resembles what that one decodes."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image as Picture

from backends.diffusers_local.engine import ENGINE
from backends.diffusers_local.pictures.pictures import as_floats
from backends.diffusers_local.pictures.preview import PreviewMap, fit_preview
from backends.diffusers_local.starter.autoencoder import StarterAutoencoder
from tests.backends.diffusers_local.stock_models import a_film_vae, a_shifted_vae, a_strong_vae, a_vae

CPU = torch.device("cpu")
(STARTER,) = ENGINE.builtin_models
Floats = npt.NDArray[np.float32]


def colours(cells: int, scale: int) -> Floats:
    """Soft colour fields (3, cells*scale, cells*scale) in -1..1, others than those a map is fitted on."""
    coarse = np.random.default_rng(11).uniform(0, 255, (5, 5, 3)).astype(np.uint8)
    size = (cells * scale, cells * scale)
    soft = np.asarray(Picture.fromarray(coarse).resize(size, Picture.Resampling.BICUBIC), dtype=np.float32)
    return np.ascontiguousarray((soft / 127.5 - 1).transpose(2, 0, 1))


class MeanVae:
    """An autoencoder that keeps the mean colour of each cell, mixed over its channels; what it holds can be
    given back, unlike what random networks hold.
    """

    def __init__(self, channels: int, scale: int, config: Any, film: bool = False) -> None:
        torch.manual_seed(3)
        self.mixing = torch.linalg.qr(torch.randn(channels, 3))[0]
        self.cells, self.config, self.film = scale, config, film
        self.spatial_compression_ratio = scale

    def encode(self, pixels: torch.Tensor) -> Any:
        frames = pixels[:, :, 0] if self.film else pixels
        cells = torch.nn.functional.avg_pool2d(frames, self.cells)
        latents = torch.einsum("kc,nchw->nkhw", self.mixing, cells) * 2 + 0.5
        return Encoded(latents[:, :, None] if self.film else latents)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return torch.einsum("kc,nkhw->nchw", self.mixing, (latents - 0.5) / 2)


class Encoded:
    def __init__(self, latents: torch.Tensor) -> None:
        self.latents = latents


class Config(dict[str, Any]):
    """Answers by name too, as diffusers' do."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


FILM = Config(latents_mean=[0.1] * 16, latents_std=[2.0] * 16, temperal_downsample=[True])


@pytest.mark.parametrize(
    ("channels", "scale", "config"),
    [
        (4, 8, Config(scaling_factor=0.18215)),
        (16, 8, Config(scaling_factor=0.3611, shift_factor=0.1159)),
        (32, 32, Config(scaling_factor=0.41407)),
        (16, 8, FILM),
    ],
)
def test_what_latents_hold_of_colours_is_shown(channels: int, scale: int, config: Config) -> None:
    vae = MeanVae(channels, scale, config, film=config is FILM)
    with torch.inference_mode():
        shown = fit_preview(vae, CPU, torch.float32)
        pixels = torch.from_numpy(colours(16, scale))[None]
        encoded = vae.encode(pixels[:, :, None] if vae.film else pixels).latents
        if config is FILM:
            latents = ((encoded[:, :, 0] - 0.1) / 2.0)[0]
        else:
            latents = ((encoded - (config.get("shift_factor") or 0.0)) * config.scaling_factor)[0]
    picture = np.asarray(shown.draw(latents.numpy())).astype(float) / 127.5 - 1
    wanted = pixels[0].reshape(3, 16, scale, 16, scale).mean((2, 4)).permute(1, 2, 0).numpy()
    assert np.abs(picture - wanted).max() < 0.06


KINDS: dict[str, tuple[Callable[[], Any], int]] = {
    "plain": (lambda: a_vae(4, scaling_factor=0.18215), 4),
    "shifted": (a_shifted_vae, 16),
    "strong": (a_strong_vae, 4),
    "film": (a_film_vae, 16),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_autoencoder_can_be_fitted(kind: str) -> None:
    make, channels = KINDS[kind]
    torch.manual_seed(0)
    shown = fit_preview(make().eval(), CPU, torch.float32)
    assert shown.basis.shape == (channels, 3)
    assert np.isfinite(shown.basis).all()
    jpeg = shown.jpeg(np.random.default_rng(0).normal(size=(channels, 6, 4)).astype(np.float32))
    assert jpeg is not None
    assert Picture.open(io.BytesIO(jpeg)).size == (4, 6)


def test_a_preview_resembles_what_a_trained_autoencoder_decodes() -> None:
    vae = StarterAutoencoder.from_pretrained(STARTER / "vae").eval()
    drawn = Picture.new("RGB", (256, 256), (30, 60, 200))
    drawn.paste((230, 200, 40), (48, 80, 160, 192))
    pixels = torch.from_numpy(as_floats(drawn))
    with torch.inference_mode():
        shown = fit_preview(vae, CPU, torch.float32)
        held = vae.encode(pixels).latents
        decoded = vae.decode(held).sample[0]
    preview = np.asarray(shown.draw((held[0] * vae.config.scaling_factor).numpy())).astype(float)
    cells = preview.shape[0]
    small = decoded.reshape(3, cells, 256 // cells, cells, 256 // cells).mean((2, 4)).permute(1, 2, 0).numpy()
    assert np.corrcoef(preview.ravel(), small.ravel())[0, 1] > 0.95


def test_a_large_drawing_is_made_in_portions_to_the_same_picture() -> None:
    numbers = np.random.default_rng(4)
    basis = numbers.normal(scale=0.1, size=(24, 192)).astype(np.float32)
    shown = PreviewMap(basis, np.zeros(192, np.float32), 8)
    latents = numbers.normal(size=(24, 20, 30)).astype(np.float32)
    whole = latents.reshape(24, 600).T @ basis
    planes = whole.reshape(20, 30, 3, 8, 8).transpose(0, 3, 1, 4, 2).reshape(160, 240, 3)
    expected = np.clip(planes * 127.5 + 127.5, 0, 255).astype(int)
    assert np.abs(np.asarray(shown.draw(latents)).astype(int) - expected).max() <= 1


def test_what_is_larger_than_shown_is_averaged_before_it_is_computed() -> None:
    numbers = np.random.default_rng(4)
    plain = np.repeat(numbers.normal(scale=0.1, size=(24, 3)), 64, axis=1).astype(np.float32)
    shown = PreviewMap(plain, np.zeros(192, np.float32), 8)
    latents = np.kron(numbers.normal(size=(24, 4, 3)), np.ones((1, 16, 16))).astype(np.float32)
    jpeg = Picture.open(io.BytesIO(shown.jpeg(latents)))
    whole = shown.draw(latents)
    assert jpeg.size == (192, 256)
    assert whole.size == (384, 512)
    reduced = np.asarray(whole.reduce(2)).astype(int)
    assert np.abs(np.asarray(jpeg).astype(int) - reduced).mean() < 6  # JPEG


def test_what_is_no_number_is_shown_black() -> None:
    latents = np.array([[[np.nan, np.inf, -np.inf, 0.0]]], dtype=np.float32)
    shown = PreviewMap(np.ones((1, 3), np.float32), np.zeros(3, np.float32), 1)
    assert np.asarray(shown.draw(latents))[0, :, 0].tolist() == [0, 255, 0, 127]

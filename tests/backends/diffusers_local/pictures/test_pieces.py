"""A picture decoded or encoded tile by tile is nearly the one made at once, and no tile shows its edge."""

from collections.abc import Generator
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from backends.diffusers_local.pictures.pieces import (  # noqa: E402
    Tiling,
    decode_in_pieces,
    encode_in_pieces,
    tiles_for,
)
from tests.backends.diffusers_local.conftest import build_pipeline  # noqa: E402

TILES = Tiling(16, 6)


def run(pieces: Generator[int, None, Any]) -> tuple[Any, int]:
    count = 0
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return end.value, count
        count += 1


class Spread:
    """An autoencoder without normalisation: 8 pixels a cell, each made of its cell alone."""

    class _Drawn:
        def __init__(self, parameters: Any) -> None:
            self.parameters = parameters

    class _Encoded:
        def __init__(self, parameters: Any) -> None:
            self.latent_dist = Spread._Drawn(parameters)

    def decode(self, latents: Any, return_dict: bool) -> tuple[Any]:
        assert not return_dict
        return (latents[:, :3].repeat_interleave(8, 2).repeat_interleave(8, 3),)

    def encode(self, pixels: Any) -> Any:
        means = torch.nn.functional.avg_pool2d(pixels, 8)
        return self._Encoded(torch.cat([means, means * 0 - 5], dim=1))


@torch.inference_mode()
@pytest.mark.parametrize(("height", "width"), [(16, 40), (37, 50), (20, 9)])
@pytest.mark.parametrize("axes", ["", "x", "xy"])
def test_decoded_as_at_once(height: int, width: int, axes: str) -> None:
    latents = torch.randn(1, 4, height, width, generator=torch.Generator().manual_seed(1))
    pixels, count = run(decode_in_pieces(Spread(), latents, TILES, 8, axes))
    assert pixels.shape == (1, 3, height * 8, width * 8)
    torch.testing.assert_close(pixels, Spread().decode(latents, return_dict=False)[0])
    assert count >= -(-height // 16) * -(-width // 16)


@torch.inference_mode()
def test_encoded_as_at_once_and_drawn_from_with_one_noise() -> None:
    pixels = torch.rand(1, 3, 296, 400) * 2 - 1
    tiled, _ = run(encode_in_pieces(Spread(), pixels, TILES, 8))
    torch.testing.assert_close(tiled.mean, torch.nn.functional.avg_pool2d(pixels, 8))
    drawn = [tiled.sample(torch.Generator().manual_seed(7)) for _ in range(2)]
    assert torch.equal(*drawn)
    assert drawn[0].shape == (1, 3, 37, 50)


@torch.inference_mode()
def test_a_real_decoder_is_near_and_its_seams_do_not_show() -> None:
    vae = build_pipeline().vae
    latents = torch.randn(1, 4, 40, 40, generator=torch.Generator().manual_seed(2))
    whole = vae.decode(latents, return_dict=False)[0]
    tiled, count = run(decode_in_pieces(vae, latents, TILES, 8))
    assert count == 16
    assert float((whole - tiled).abs().mean()) < 0.25 * float(whole.std())
    steps, usual = (tiled.diff(dim=3).abs().mean(dim=(0, 1, 2)), whole.diff(dim=3).abs().mean(dim=(0, 1, 2)))
    assert float(steps.max()) < 1.5 * float(usual.max())


class TestWhichPictures:
    def test_usual_sizes_are_made_at_once(self) -> None:
        assert tiles_for({}, (1024, 1536), 8) is None
        assert tiles_for({"vaetilesize": 1024}, (1024, 1024), 8) is None

    def test_large_ones_are_not(self) -> None:
        assert tiles_for({}, (2048, 2048), 8) == Tiling(64, 12)

    def test_a_work_may_ask_for_it(self) -> None:
        assert tiles_for({"vaetilesize": 256}, (512, 512), 8) == Tiling(32, 8)
        assert tiles_for({"vaetilesize": 256, "vaetileoverlap": 512}, (512, 512), 8) == Tiling(32, 16)
        assert tiles_for({"vaetilesize": 16}, (512, 512), 8) == Tiling(8, 4)

    @pytest.mark.parametrize("extra", [{"vaetilesize": "big"}, {"vaetilesize": -5}, {"vaetileoverlap": 1e9}])
    def test_what_is_no_size_is_refused(self, extra: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="VAE Tile"):
            tiles_for(extra, (512, 512), 8)


@torch.inference_mode()
def test_an_initial_picture_is_encoded_in_tiles_where_a_work_asks_for_it(folder: Any, model: Any) -> None:
    import numpy as np
    from PIL import Image as Picture

    from backends.diffusers_local.loading.gather import Kit
    from backends.diffusers_local.pictures.latents import encode_picture

    values = np.random.default_rng(1).integers(0, 255, (16, 24, 3), dtype=np.uint8)
    picture = Picture.fromarray(values).resize((192, 128), Picture.Resampling.BICUBIC)
    whole, tiled = (
        encode_picture(Kit(model), picture, torch.Generator().manual_seed(1), extra)
        for extra in ({}, {"vaetilesize": 96})
    )
    assert whole.shape == tiled.shape == (1, 4, 16, 24)
    assert not torch.equal(whole, tiled)
    assert float((whole - tiled).abs().mean()) < 0.2 * float(whole.std())

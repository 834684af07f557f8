"""Between pixels and latents tile by tile, so that the memory a large picture takes stays bounded.

Every `next` of these generators makes one tile. A tile's normalisations see that tile only, so that a picture
made of tiles is not the one made at once, though seams fade; pictures of usual sizes are made at once.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch.nn import functional

from backends.diffusers_local.pictures.tiles import Span, spans

_AT_ONCE = 1536 * 1536
"""Pixels of the largest picture that is made at once: it takes the usual decoder about nine gigabytes, tiles
of 512 pixels a fifth of that (measured on a narrower one: 2.3 and 0.45, in less time).
"""

_SIZE, _OVERLAP = 512, 96  # pixels of a side when the picture is larger and the work names none
_USUAL_OVERLAP = 64  # pixels, SwarmUI's default of `vaetileoverlap`


@dataclass(frozen=True, slots=True)
class Tiling:
    """Tiles of `size` latent cells a side that share `overlap` cells with their neighbours."""

    size: int
    overlap: int


def tiles_for(extra: Mapping[str, object], drawn: tuple[int, int], scale: int) -> Tiling | None:
    """How a picture of `drawn` (width, height) pixels is cut, `scale` pixels a cell; None: not at all.

    Source: swarm-api, `vaetilesize`, `vaetileoverlap` (pixels). Raises ValueError for what is no such size.
    """
    asked = extra.get("vaetilesize")
    overlap = extra.get("vaetileoverlap", _USUAL_OVERLAP)
    for name, value in (("VAE Tile Size", asked or _SIZE), ("VAE Tile Overlap", overlap)):
        if not isinstance(value, int | float) or not 0 <= value <= 1 << 16:
            raise ValueError(f"{name} is {value!r}; it is a number of pixels, such as 512 and 64.")
    if not asked:
        large = drawn[0] * drawn[1] > _AT_ONCE
        return Tiling(_SIZE // scale, _OVERLAP // scale) if large else None
    size, overlap = int(str(asked).partition(".")[0]), int(str(overlap).partition(".")[0])
    if size >= max(drawn):
        return None
    size = max(8, size // scale)
    return Tiling(size, min(overlap // scale, size // 2))


def halves_of(latents: torch.Tensor) -> Tiling:
    """Tiles of half the longer side of (…, h, w), for a picture that memory was too short for at once."""
    cells = max(latents.shape[-2:])
    return Tiling(max(8, cells // 2), max(1, cells // 16))


def decode_in_pieces(
    vae: Any, latents: torch.Tensor, tiling: Tiling, scale: int, axes: str = ""
) -> Generator[int, None, torch.Tensor]:
    """Latents (1, channels, h, w), as the decoder takes them -> pixels (1, 3, h * scale, w * scale) in about
    -1..1.

    Along `axes` ("", "x", "y", "xy") the picture goes on at its other side.
    """
    height, width = latents.shape[-2:]
    around = (tiling.overlap * ("x" in axes), tiling.overlap * ("y" in axes))
    around = (min(around[0], width), min(around[1], height))
    if any(around):
        latents = functional.pad(latents, (around[0], around[0], around[1], around[1]), mode="circular")
    sides = [side * scale for side in latents.shape[-2:]]
    made = torch.zeros(1, 3, *sides, device=latents.device)
    for down, across in _grid(latents, tiling, scale):
        tile = latents[:, :, down.start : down.stop, across.start : across.stop]
        _lay(made, vae.decode(tile, return_dict=False)[0].float(), down, across, scale)
        yield 0
    left, top = around[0] * scale, around[1] * scale
    return made[:, :, top : top + height * scale, left : left + width * scale]


def encode_in_pieces(
    vae: Any, pixels: torch.Tensor, tiling: Tiling, scale: int
) -> Generator[int, None, DiagonalGaussianDistribution | torch.Tensor]:
    """Pixels (1, 3, height, width) in -1..1, `scale` of them a cell -> what the encoder makes of them: the
    distribution that latents are drawn from, or, of an encoder without one, the latents.
    """
    cells = pixels[:, :, ::scale, ::scale]
    made, drawn = torch.empty(0), False
    for down, across in _grid(cells, tiling, 1):
        rows, columns = (slice(span.start * scale, span.stop * scale) for span in (down, across))
        encoded = vae.encode(pixels[:, :, rows, columns])
        drawn = hasattr(encoded, "latent_dist")
        said = (encoded.latent_dist.parameters if drawn else encoded.latents).float()
        if not made.numel():
            made = said.new_zeros(1, said.shape[1], *cells.shape[-2:])
        _lay(made, said, down, across, 1)
        yield 0
    made = made.to(pixels.dtype)
    return DiagonalGaussianDistribution(made) if drawn else made


def _grid(cells: torch.Tensor, tiling: Tiling, scale: int) -> list[tuple[Span, Span]]:
    """The tiles of (…, h, w), line by line: what of the height and what of the width each takes."""
    height, width = cells.shape[-2:]
    across = spans(width, tiling.size, tiling.overlap, scale)
    return [(down, part) for down in spans(height, tiling.size, tiling.overlap, scale) for part in across]


def _lay(made: torch.Tensor, said: torch.Tensor, down: Span, across: Span, scale: int) -> None:
    """Add a tile (1, channels, …) in its place, fading where its neighbours are."""
    fades = (torch.from_numpy(down.weights)[:, None], torch.from_numpy(across.weights)[None, :])
    for fade in fades:
        said = said * fade.to(said.device)
    rows, columns = (slice(span.start * scale, span.stop * scale) for span in (down, across))
    made[:, :, rows, columns] += said

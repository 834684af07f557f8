"""Enlarging a picture by a network, tile by tile: bounded memory, and others' steps go on between."""

from collections.abc import Generator

import numpy as np
import torch
from PIL import Image as Picture

from backends.diffusers_local.loading.upscaler import Upscaler
from backends.diffusers_local.pictures.tiles import Span, spans

_COST = {"cpu": 5e10}
_COST_ELSEWHERE = 2.5e12
"""Multiplications of one tile by device: about a second of a slow processor's core, a tenth of one of a
graphics card.
"""

_SMALLEST, _LARGEST = 96, 512
"""Pixels of a tile's side: below, most of it is overlap; above, memory is the limit."""

_OVERLAP = 32
"""Pixels that neighbours share, half of which fade: what a network sees around a pixel is mostly nearer."""


def tile_side(upscaler: Upscaler) -> int:
    """Pixels of the side of a tile that this network takes in one go."""
    if upscaler.whole:
        return 1 << 30
    cost = _COST.get(upscaler.network.device.type, _COST_ELSEWHERE)
    fitting = int((cost / max(1, upscaler.weight)) ** 0.5) // 16 * 16
    return max(_SMALLEST, min(_LARGEST, fitting))


def tile_count(size: tuple[int, int], upscaler: Upscaler) -> int:
    """How many tiles a picture of this (width, height) is enlarged in."""
    side = tile_side(upscaler)
    return len(spans(size[0], side, _OVERLAP)) * len(spans(size[1], side, _OVERLAP))


def enlarge(
    picture: Picture.Image, upscaler: Upscaler, size: tuple[int, int]
) -> Generator[int, None, Picture.Image]:
    """The picture enlarged by the network, then brought to exactly `size` (width, height).

    Every `next` makes one tile and gives 1.
    """
    pixels = torch.from_numpy(np.asarray(picture.convert("RGB")).copy()).permute(2, 0, 1)[None]
    side, scale = tile_side(upscaler), upscaler.scale
    large = torch.zeros(3, picture.height * scale, picture.width * scale)
    for down in spans(picture.height, side, _OVERLAP, scale):
        for across in spans(picture.width, side, _OVERLAP, scale):
            _lay(large, pixels, upscaler, down, across)
            yield 1
    values = (large.clamp_(0, 1) * 255).round_().to(torch.uint8).permute(1, 2, 0).contiguous()
    enlarged = Picture.fromarray(values.numpy())
    return enlarged if enlarged.size == size else enlarged.resize(size, Picture.Resampling.LANCZOS)


def _lay(large: torch.Tensor, pixels: torch.Tensor, upscaler: Upscaler, down: Span, across: Span) -> None:
    """Enlarge one tile and add it in its place."""
    tile = pixels[:, :, down.start : down.stop, across.start : across.stop].float() / 255
    made = upscaler.enlarge(tile)[0].cpu()
    if not bool(torch.isfinite(made).all()):
        raise ValueError(f"the upscaler {upscaler.ref.name!r} made no numbers; choose another")
    made *= torch.from_numpy(down.weights)[None, :, None] * torch.from_numpy(across.weights)[None, None, :]
    scale = upscaler.scale
    place = (slice(down.start * scale, down.stop * scale), slice(across.start * scale, across.stop * scale))
    large[:, place[0], place[1]] += made

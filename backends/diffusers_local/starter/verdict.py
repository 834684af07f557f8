"""Judges a picture against a prompt without a network: colours, outlines and places, by rule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from backends.diffusers_local.starter.land_verdict import judge_landscape
from backends.diffusers_local.starter.prompts import Prompt
from backends.diffusers_local.starter.shapes import draw_shape
from backends.diffusers_local.starter.words import PALETTE, POSITIONS, RELATIONS, SHAPES

SIDE = 128
"""Pictures are judged with their shorter side at this many pixels."""
_SPECK = 0.0025
_GRID = 32
_OFF_CENTRE = 0.08

Mask = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Found:
    """A shape found in a picture; x and y are its middle as shares of the picture, reach is half its side."""

    shape: str
    colour: str
    x: float
    y: float
    reach: float


def nearest_colour(rgb: npt.ArrayLike) -> str:
    """The palette's colour nearest to an RGB value."""
    names = list(PALETTE)
    gaps = np.linalg.norm(np.array([PALETTE[name] for name in names], np.float32) - np.asarray(rgb), axis=1)
    return names[int(gaps.argmin())]


def pixels_of(picture: Image.Image) -> Pixels:
    """A picture as (h, w, 3) floats in 0..255, its shorter side SIDE pixels."""
    scale = SIDE / min(picture.size)
    size = (round(picture.width * scale), round(picture.height * scale))
    return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BOX), dtype=np.float32)


def islands(mask: Mask) -> list[Mask]:
    """The connected parts of a mask (touching sides or corners), specks left out."""
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        padded = np.pad(labels, 1)
        high, wide = mask.shape
        around = [padded[y : y + high, x : x + wide] for y in range(3) for x in range(3)]
        spread = np.where(mask, np.maximum.reduce(around), 0)
        spread = np.where(mask, np.maximum(spread, spread.ravel()[np.maximum(spread - 1, 0)]), 0)
        if np.array_equal(spread, labels):
            break
        labels = spread
    names, sizes = np.unique(labels[labels > 0], return_counts=True)
    return [labels == name for name, size in zip(names, sizes, strict=True) if size > _SPECK * SIDE * SIDE]


def _fitted(mask: Mask) -> Mask:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(cut.shape)
    square = np.zeros((side, side), np.uint8)
    top, left = (side - cut.shape[0]) // 2, (side - cut.shape[1]) // 2
    square[top : top + cut.shape[0], left : left + cut.shape[1]] = cut * 255
    return np.asarray(Image.fromarray(square).resize((_GRID, _GRID), Image.Resampling.BILINEAR)) > 127


@cache
def _template(shape: str) -> Mask:
    picture = Image.new("RGB", (SIDE, SIDE))
    draw_shape(ImageDraw.Draw(picture), shape, (SIDE / 2, SIDE / 2), SIDE / 3, (255, 255, 255), (0, 0, 0))
    return _fitted(np.asarray(picture)[:, :, 0] > 127)


def nearest_shape(mask: Mask) -> str:
    """The shape whose outline overlaps a mask best."""
    fitted = _fitted(mask)
    overlaps = [(fitted & _template(shape)).sum() / (fitted | _template(shape)).sum() for shape in SHAPES]
    return SHAPES[int(np.argmax(overlaps))]


def background_of(pixels: Pixels) -> npt.NDArray[np.float32]:
    """The median colour of the picture's border, three pixels wide."""
    edge = np.ones(pixels.shape[:2], bool)
    edge[3:-3, 3:-3] = False
    middle: npt.NDArray[np.float32] = np.median(pixels[edge], axis=0)
    return middle


def _found(pixels: Pixels, apart: Pixels, island: Mask) -> Found:
    clear = island & (apart >= 0.8 * np.percentile(apart[island], 90))
    colour = np.median(pixels[clear], axis=0)
    solid = island & (apart > 0.5 * np.median(apart[clear]))
    rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    high, wide = solid.shape
    return Found(
        nearest_shape(solid),
        nearest_colour(colour),
        float(columns[0] + columns[-1] + 1) / 2 / wide,
        float(rows[0] + rows[-1] + 1) / 2 / high,
        float(max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1) / 2 / SIDE,
    )


def find_shapes(picture: Image.Image) -> tuple[str, list[Found]]:
    """The colour of the background, and the shapes on it from left to right."""
    pixels = pixels_of(picture)
    behind = background_of(pixels)
    apart: Pixels = np.linalg.norm(pixels - behind, axis=2)
    parts = [_found(pixels, apart, island) for island in islands(apart > 36)]
    return nearest_colour(behind), sorted(parts, key=lambda part: part.x)


def _side(share: float) -> int:
    return 0 if abs(share - 0.5) < _OFF_CENTRE else (1 if share > 0.5 else -1)


def _judge_single(prompt: Prompt, found: list[Found]) -> dict[str, bool]:
    (shape, colour), one = prompt.items[0], len(found) == 1
    judged = {"shape": one and found[0].shape == shape}
    if colour:
        judged["colour"] = one and found[0].colour == colour
    if prompt.position:
        judged["position"] = one and (_side(found[0].x), _side(found[0].y)) == POSITIONS[prompt.position]
    if prompt.size:
        judged["size"] = one and (found[0].reach < 0.19 if prompt.size == "small" else found[0].reach > 0.22)
    return judged


def _judge_count(prompt: Prompt, found: list[Found]) -> dict[str, bool]:
    shape, colour = prompt.items[0]
    judged = {
        "number": len(found) == len(prompt.items),
        "shape": bool(found) and all(part.shape == shape for part in found),
    }
    if colour:
        judged["colour"] = bool(found) and all(part.colour == colour for part in found)
    return judged


def _judge_pair(prompt: Prompt, found: list[Found]) -> dict[str, bool]:
    if len(found) != 2:
        return dict.fromkeys(("number", "shape", "colour", "relation"), False)
    dx, dy = RELATIONS[prompt.relation] if prompt.relation else (-1, 0)
    first, second = sorted(found, key=lambda part: part.x * dx + part.y * dy, reverse=True)
    along = abs(first.x - second.x), abs(first.y - second.y)
    lies = along[0] > along[1] if dx else along[1] > along[0]
    parts = list(zip((first, second), prompt.items, strict=True))
    swapped = list(zip((second, first), prompt.items, strict=True))
    both = min(
        (parts, swapped), key=lambda ways: sum((part.shape, part.colour) != asked for part, asked in ways)
    )
    return {
        "number": True,
        "shape": all(part.shape == asked[0] for part, asked in both),
        "colour": all(part.colour == asked[1] for part, asked in both if asked[1]),
        "relation": bool(lies) and all((part.shape, part.colour) == asked for part, asked in parts),
    }


def judge(picture: Image.Image, prompt: Prompt) -> dict[str, bool]:
    """What a prompt asks for -> whether the picture shows it. A picture agrees when all of it is true."""
    if prompt.kind == "landscape":
        return judge_landscape(picture, prompt)
    background, found = find_shapes(picture)
    judged = {"single": _judge_single, "count": _judge_count, "pair": _judge_pair}[prompt.kind](prompt, found)
    if prompt.background:
        judged["background"] = background == prompt.background
    return judged

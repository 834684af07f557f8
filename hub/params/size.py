"""The picture's size from what a request says about it (swarm-api §5.3, below the table)."""

import re
from collections.abc import Mapping, Sequence
from math import log
from types import MappingProxyType

from msgspec import Struct

from hub.errors import BadInput

MIN_SIDE, MAX_SIDE = 64, 16384
"""Pixels a side may have."""

FALLBACK_SIDE = 512

ASPECTS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "1:1": (512, 512),
        "4:3": (576, 448),
        "3:2": (608, 416),
        "8:5": (608, 384),
        "16:9": (672, 384),
        "21:9": (768, 320),
        "3:4": (448, 576),
        "2:3": (416, 608),
        "5:8": (384, 608),
        "9:16": (384, 672),
        "9:21": (320, 768),
    }
)
"""Width and height of each shape at a side length of 512."""

_STEP = 16
_ALIKE = 0.05  # the table itself rounds 3:2 by less than three per cent
_RAW = re.compile(r"\s*([+-]?\d{1,9})\s*[xX×]\s*([+-]?\d{1,9})\s*", re.ASCII)


class Asked(Struct, frozen=True):
    """What a request says about its size; None for what it leaves out."""

    raw: str | None = None
    aspect: str | None = None
    side: int | None = None
    width: int | None = None
    height: int | None = None
    height_multiplier: float | None = None


def resolve(
    asked: Asked, own: tuple[int, int] | None, native: Sequence[tuple[int, int]] = ()
) -> tuple[int, int]:
    """The exact (width, height) in pixels.

    `own` is the model's size, used for what the request leaves out; `native` are all sizes it draws well,
    one of which is taken when only a shape is asked for.

    Raises BadInput naming the parameter and its bounds.
    """
    if asked.raw is not None:
        return _raw(asked.raw)
    table = ASPECTS.get(asked.aspect or "1:1")
    if asked.side is not None and table is not None:
        return _checked("sidelength", *_scaled(table, asked.side))
    own_width, own_height = own or (FALLBACK_SIDE, FALLBACK_SIDE)
    width = asked.width if asked.width is not None else own_width
    if asked.height_multiplier is not None:
        return _checked("altresolutionheightmultiplier", width, _rounded(width * asked.height_multiplier))
    if asked.width is None and asked.height is None and asked.aspect is not None and table is not None:
        return _checked("aspectratio", *_shaped(table, (own_width, own_height), native))
    return width, asked.height if asked.height is not None else own_height


def _shaped(
    table: tuple[int, int], own: tuple[int, int], native: Sequence[tuple[int, int]]
) -> tuple[int, int]:
    """A size of this shape that the model draws well, else the shape at the area of the model's own size."""
    near = [size for size in (own, *native) if _unlike(size, table) <= _ALIKE]
    if near:
        return min(near, key=lambda size: _unlike(size, table))
    return _scaled(table, round((own[0] * own[1]) ** 0.5))


def _unlike(one: tuple[int, int], other: tuple[int, int]) -> float:
    """How far two shapes are apart: 0 for the same one, 0.05 for about five per cent."""
    return abs(log(one[0] * other[1] / (one[1] * other[0])))


def _raw(text: str) -> tuple[int, int]:
    match = _RAW.fullmatch(text)
    limit = {"min": f"{MIN_SIDE}x{MIN_SIDE}", "max": f"{MAX_SIDE}x{MAX_SIDE}"}
    if match is None:
        shown = text[:100]
        raise BadInput(
            f"Invalid value for parameter Raw Resolution: '{shown}' must be like 1024x768",
            field="rawresolution",
            limit=limit,
        )
    return _checked("rawresolution", int(match[1]), int(match[2]))


def _scaled(table: tuple[int, int], side: int) -> tuple[int, int]:
    return max(MIN_SIDE, _rounded(table[0] * side / 512)), max(MIN_SIDE, _rounded(table[1] * side / 512))


def _rounded(pixels: float) -> int:
    return max(_STEP, int(pixels / _STEP + 0.5) * _STEP)


def _checked(field: str, width: int, height: int) -> tuple[int, int]:
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
        limit = {"min": f"{MIN_SIDE}x{MIN_SIDE}", "max": f"{MAX_SIDE}x{MAX_SIDE}"}
        raise BadInput(
            f"Invalid resolution: {width}x{height} "
            f"(must be between {MIN_SIDE}x{MIN_SIDE} and {MAX_SIDE}x{MAX_SIDE})",
            field=field,
            limit=limit,
        )
    return width, height

"""Draws the eight flat shapes as polygons, in pixels of whatever picture it is given."""

from __future__ import annotations

import math
from functools import cache

from PIL import ImageDraw

Point = tuple[float, float]
Colour = tuple[int, int, int]


def _regular(corners: int, start: float, radius: float = 1.0) -> list[Point]:
    angles = (start + 2 * math.pi * k / corners for k in range(corners))
    return [(radius * math.cos(angle), radius * math.sin(angle)) for angle in angles]


def _star() -> list[Point]:
    outer, inner = _regular(5, -math.pi / 2, 1.12), _regular(5, -math.pi / 2 + math.pi / 5, 0.46)
    return [(x, y + 0.08) for pair in zip(outer, inner, strict=True) for x, y in pair]


def _heart() -> list[Point]:
    points = []
    for k in range(64):
        t = 2 * math.pi * k / 64
        x = 16 * math.sin(t) ** 3
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((x / 16, -(y + 2.5) / 15))
    return points


def _cross() -> list[Point]:
    arm, end = 0.34, 1.0
    return [
        (-arm, -end), (arm, -end), (arm, -arm), (end, -arm), (end, arm), (arm, arm),
        (arm, end), (-arm, end), (-arm, arm), (-end, arm), (-end, -arm), (-arm, -arm),
    ]  # fmt: skip


@cache
def outline(shape: str) -> tuple[Point, ...]:
    """The outline of a shape in its own units: middle at (0, 0), reaching about 1; a ring's outer edge."""
    points = {
        "circle": lambda: _regular(72, 0.0),
        "ring": lambda: _regular(72, 0.0),
        "square": lambda: _regular(4, math.pi / 4, 0.9 * math.sqrt(2)),
        "triangle": lambda: [(0.0, -1.0), (1.05, 0.85), (-1.05, 0.85)],
        "star": _star,
        "heart": _heart,
        "diamond": lambda: [(0.0, -1.1), (0.82, 0.0), (0.0, 1.1), (-0.82, 0.0)],
        "cross": _cross,
    }[shape]()
    return tuple(points)


RING_HOLE = 0.56
"""Radius of a ring's hole, as a share of its radius."""


def draw_shape(
    pen: ImageDraw.ImageDraw, shape: str, middle: Point, radius: float, colour: Colour, behind: Colour
) -> None:
    """Draw one shape; middle and radius are in pixels, `behind` fills the hole of a ring."""
    scales = (1.0, RING_HOLE) if shape == "ring" else (1.0,)
    for scale, fill in zip(scales, (colour, behind), strict=False):
        pen.polygon(
            [(middle[0] + x * radius * scale, middle[1] + y * radius * scale) for x, y in outline(shape)],
            fill=fill,
        )

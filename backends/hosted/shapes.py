"""Which of the sizes and shapes a service offers comes nearest to the one that was asked for. Pure."""

import math
from collections.abc import Iterable, Sequence

Size = tuple[int, int]
"""Width and height in pixels, or in parts of a ratio."""


def nearest(wanted: Size, offered: Sequence[Size]) -> Size:
    """The offered size of the nearest shape, then of the nearest area: the least is cropped, then scaled."""
    shape, area = math.log(wanted[0] / wanted[1]), math.log(wanted[0] * wanted[1])
    return min(
        offered,
        key=lambda n: (round(abs(math.log(n[0] / n[1]) - shape), 6), abs(math.log(n[0] * n[1]) - area)),
    )


def ratios(words: Iterable[str]) -> dict[str, Size]:
    """Ratios like "16:9" as sizes."""
    return {word: (int(word.partition(":")[0]), int(word.partition(":")[2])) for word in words}


def within(wanted: Size, *, multiple: int, longest: int, area: Size, widest: float) -> Size:
    """The size nearest to the wanted one that a model of any size draws.

    Both sides are multiples of `multiple` and at most `longest`, their product lies in `area` (least, most),
    neither is more than `widest` times the other. It covers the wanted size where these limits allow.
    """
    width, height = float(wanted[0]), float(wanted[1])
    width, height = max(width, height / widest), max(height, width / widest)
    scale = max(1.0, math.sqrt(area[0] / (width * height)))
    scale = min(scale, longest / max(width, height), math.sqrt(area[1] / (width * height)))
    width, height = width * scale, height * scale
    up = (_up(width, multiple), _up(height, multiple))
    if max(up) <= longest and area[0] <= up[0] * up[1] <= area[1] and max(up) <= widest * min(up):
        return up
    return _fitting((width, height), multiple, longest, area, widest)


def _fitting(size: tuple[float, float], multiple: int, longest: int, area: Size, widest: float) -> Size:
    """The allowed size nearest to `size`, searched among its neighbours."""
    sides = [
        [max(multiple, (round(side / multiple) + step) * multiple) for step in range(-3, 4)] for side in size
    ]
    allowed = [
        (w, h)
        for w in sides[0]
        for h in sides[1]
        if max(w, h) <= longest and area[0] <= w * h <= area[1] and max(w, h) <= widest * min(w, h)
    ]
    return min(allowed, key=lambda n: (abs(n[0] - size[0]) + abs(n[1] - size[1]), n))


def _up(value: float, multiple: int) -> int:
    return max(multiple, math.ceil(round(value, 3) / multiple) * multiple)

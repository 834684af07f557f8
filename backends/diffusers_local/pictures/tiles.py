"""Cutting a long side into overlapping parts whose results fade into each other. Pure arithmetic."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """One part of a side, from `start` to before `stop`; `weights` are those of its result, one a pixel.

    Over all parts the weights of a pixel add up to one.
    """

    start: int
    stop: int
    weights: Weights


def spans(length: int, size: int, overlap: int, scale: int = 1) -> list[Span]:
    """Cut `length` into parts of at most `size` that share at least `overlap` with their neighbours.

    All parts are of one length, so that a network sees one shape. Results are `scale` times as long as what
    they are made from. The outer quarter of an overlap counts for nothing, because a network does not see
    beyond the edge of its part; the half in the middle fades linearly.
    """
    size = max(1, min(size, length))
    overlap = max(0, min(overlap, size - 1))
    if size == length:
        return [Span(0, length, np.ones(length * scale, np.float32))]
    count = -(-(length - overlap) // (size - overlap))
    starts = [round(index * (length - size) / (count - 1)) for index in range(count)]
    raw = []
    for index, start in enumerate(starts):
        weight = np.ones(size * scale)
        if index:
            weight *= _rise(size * scale, (starts[index - 1] + size - start) * scale)
        if index + 1 < count:
            weight *= _rise(size * scale, (start + size - starts[index + 1]) * scale)[::-1]
        raw.append(weight)
    total = np.zeros(length * scale)
    for start, weight in zip(starts, raw, strict=True):
        total[start * scale : (start + size) * scale] += weight
    return [
        Span(start, start + size, (weight / total[start * scale : (start + size) * scale]).astype(np.float32))
        for start, weight in zip(starts, raw, strict=True)
    ]


def _rise(length: int, overlap: int) -> npt.NDArray[np.float64]:
    """From 0 to 1 over the middle half of the first `overlap` of `length` pixels."""
    if overlap < 1:
        return np.ones(length)
    place = (np.arange(length) + 0.5 - overlap / 4) / (overlap / 2)
    # never quite 0: parts that overlap by much more than their neighbour could leave a pixel to nobody
    return np.clip(place, 1e-6, 1)

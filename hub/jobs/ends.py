"""Images that were cancelled or failed, as lines beside their job, so that a killed hub remembers them.

Pure.
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct


class End(Struct, frozen=True):
    """How an image ended without a picture: `state` is cancelled or failed, `reason` a sentence or "", `at`
    unix seconds."""

    state: str
    reason: str = ""
    at: float = 0.0


class _Line(Struct, frozen=True, omit_defaults=True):
    """Several images that ended alike; `images` are pairs of a first and a last index."""

    state: str
    images: list[tuple[int, int]]
    reason: str = ""
    at: float = 0.0


_decoder = msgspec.json.Decoder(_Line)


def write(images: Iterable[int], end: End) -> str:
    """The line that tells that these images ended like this."""
    line = _Line(end.state, list(_ranges(sorted(images))), end.reason, round(end.at, 3))
    return msgspec.json.encode(line).decode() + "\n"


def read(text: str) -> dict[int, End]:
    """What the lines tell, by index; of an image named twice the later word holds."""
    found: dict[int, End] = {}
    for line in filter(None, text.split("\n")):
        told = _decoder.decode(line)
        end = End(told.state, told.reason, told.at)
        for first, last in told.images:
            found |= dict.fromkeys(range(first, last + 1), end)
    return found


def _ranges(indices: list[int]) -> Iterator[tuple[int, int]]:
    first: int | None = None
    last = -1
    for index in indices:
        if first is not None and index == last + 1:
            last = index
            continue
        if first is not None:
            yield first, last
        first = last = index
    if first is not None:
        yield first, last

"""Which size a model draws for a wanted size, and how the drawing becomes exactly that size. Pure
arithmetic.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SizePlan:
    """`drawn` is what the model draws, `scaled` that after resizing, `wanted` the result; all (width,
    height).

    `scaled` covers `wanted`; what stands over is cropped.
    """

    drawn: Size
    scaled: Size
    wanted: Size

    @property
    def fitted(self) -> str:
        """In words, for the metadata: "" when the drawing is the result."""
        words = []
        if self.scaled != self.drawn:
            words.append("enlarged" if self.scaled > self.drawn else "reduced")
        if self.scaled != self.wanted:
            words.append("cropped")
        return " and ".join(words)

    @property
    def region(self) -> tuple[int, int, int, int]:
        """The middle of the drawing that a centred crop keeps: left, top, right, bottom in drawn pixels."""
        across, down = self.drawn[0] / self.scaled[0], self.drawn[1] / self.scaled[1]
        width = max(1, min(self.drawn[0], round(self.wanted[0] * across)))
        height = max(1, min(self.drawn[1], round(self.wanted[1] * down)))
        left, top = (self.drawn[0] - width) // 2, (self.drawn[1] - height) // 2
        return left, top, left + width, top + height


def plan_size(width: int, height: int, native: Sequence[Size], multiple: int) -> SizePlan:
    """How to draw `width` x `height`.

    With native sizes, the one of the nearest shape (then of the nearest area) is drawn and scaled to cover.
    Without, the model draws any size that is a `multiple`, so the next larger one is drawn and cropped.
    """
    wanted = (width, height)
    if not native:
        drawn = (_up(width, multiple), _up(height, multiple))
        return SizePlan(drawn, drawn, wanted)
    shape, area = math.log(width / height), math.log(width * height)
    drawn = min(
        native,
        key=lambda n: (round(abs(math.log(n[0] / n[1]) - shape), 6), abs(math.log(n[0] * n[1]) - area)),
    )
    scale = max(width / drawn[0], height / drawn[1])
    scaled = (max(width, round(drawn[0] * scale)), max(height, round(drawn[1] * scale)))
    return SizePlan(drawn, scaled, wanted)


def _up(length: int, multiple: int) -> int:
    return max(multiple, -(-length // multiple) * multiple)

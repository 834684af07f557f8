"""The stages of drawing that parts of a prompt may be for. Pure."""

import re

from msgspec import Struct

MARKS = {"base": "\0base\0", "refiner": "\0refiner\0"}
"""What stands for the tag of a stage while a text is filled in; texts have no NUL of their own."""

_MARK = re.compile("\0(base|refiner)\0")


class Stages(Struct, frozen=True):
    """A filled text by stage: `base` is for the first pass, `refiner` for the second (None: the same)."""

    base: str
    refiner: str | None


def split(text: str) -> Stages:
    """The text of each pass: what stands before the first mark is for both."""
    if not any(mark in text for mark in MARKS.values()):
        return Stages(text, None)
    shared, *rest = _MARK.split(text)
    of = {"base": [shared.strip()], "refiner": [shared.strip()]}
    for stage, part in zip(rest[::2], rest[1::2], strict=True):
        of[stage].append(part.strip())
    base, refiner = (" ".join(part for part in of[stage] if part) for stage in MARKS)
    return Stages(base, refiner)


def written(text: str) -> str:
    """The text with the stages' tags as people write them, to be sent again."""
    return _MARK.sub(lambda mark: f"<{mark[1]}>", text)

"""`<base>`: what follows is for the first pass alone."""

from hub.params.tags.filling import Filling
from hub.params.tags.stages import MARKS
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    filling.section = "base"
    return MARKS["base"]


TAG = Tag(
    names=("base",),
    forms=("<base>",),
    description="What follows is for the first pass alone, until the next of these. What stands before all "
    "of them is for every pass.",
    fill=_fill,
    bare=True,
    stays=True,
)

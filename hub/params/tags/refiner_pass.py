"""`<refiner>`: what follows is for the second pass alone."""

from hub.params.tags.filling import Filling
from hub.params.tags.stages import MARKS
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    filling.section = "refiner"
    return MARKS["refiner"]


TAG = Tag(
    names=("refiner",),
    forms=("<refiner>",),
    description="What follows is for the second pass alone, where the request has one.",
    fill=_fill,
    bare=True,
    stays=True,
)

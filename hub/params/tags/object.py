"""`<object:x,y,width,height,strength,creativity>`: a region of the work; only some engines draw it."""

from hub.params.tags.areas import mark
from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    marked = mark(filling, "object", body)
    filling.ask("regions", "object", "gives a part of the picture a prompt of its own")
    return marked


TAG = Tag(
    names=("object",),
    forms=("<object:x,y,width,height,strength,creativity>",),
    description="As a region, and drawn anew there once more. "
    "Refused unless an engine has the feature `regions`.",
    fill=_fill,
    stays=True,
)

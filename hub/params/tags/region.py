"""`<region:x,y,width,height,strength>`: a region of the work; only some engines draw it."""

from hub.params.tags.areas import mark
from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    marked = mark(filling, "region", body)
    filling.ask("regions", "region", "gives a part of the picture a prompt of its own")
    return marked


TAG = Tag(
    names=("region",),
    forms=("<region:x,y,width,height,strength>", "<region:background>", "<region:end>"),
    description="The text that follows is for this part of the picture alone: numbers from 0 to 1 as parts "
    "of it; `background` is what no region covers, behind `end` the text is for all of it again. "
    "Refused unless an engine has the feature `regions`.",
    fill=_fill,
    stays=True,
)

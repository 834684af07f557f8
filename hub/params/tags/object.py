"""`<object:x,y,width,height,strength>`: only some engines draw it; they read the tag themselves."""

from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    filling.ask("regions", "object", "gives a part of the picture a prompt of its own")
    return f"<object:{filling.fill(body)}>"


TAG = Tag(
    names=("object",),
    forms=("<object:x,y,width,height,strength>",),
    description="As a region, and drawn anew there once more. "
    "Refused unless an engine has the feature `regions`.",
    fill=_fill,
    stays=True,
)

"""`<region:x,y,width,height,strength>`: only some engines draw it; they read the tag themselves."""

from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    filling.ask("regions", "region", "gives a part of the picture a prompt of its own")
    return f"<region:{filling.fill(body)}>"


TAG = Tag(
    names=("region",),
    forms=("<region:x,y,width,height,strength>",),
    description="The text that follows is for this part of the picture alone. "
    "Refused unless an engine has the feature `regions`.",
    fill=_fill,
    stays=True,
)

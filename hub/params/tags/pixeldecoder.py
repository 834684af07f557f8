"""`<pixeldecoder>`: only some engines draw it; they read the tag themselves."""

from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    filling.ask("pixeldecoder", "pixeldecoder", "is for a model that decodes to pixels")
    return "<pixeldecoder>"


TAG = Tag(
    names=("pixeldecoder",),
    forms=("<pixeldecoder>",),
    description="What follows is for the pixel decoder alone. "
    "Refused unless an engine has the feature `pixeldecoder`.",
    fill=_fill,
    bare=True,
    stays=True,
)

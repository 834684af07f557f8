"""`<segment:what,creativity,threshold>`: a region of the work; only some engines draw it."""

from hub.params.tags.areas import mark
from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    marked = mark(filling, "segment", body)
    filling.ask("segments", "segment", "draws a part of the picture anew")
    return marked


TAG = Tag(
    names=("segment",),
    forms=("<segment:what,creativity,threshold>",),
    description="Masks what is named and draws it anew with the text that follows. "
    "Refused unless an engine has the feature `segments`.",
    fill=_fill,
    stays=True,
)

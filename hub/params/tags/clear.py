"""`<clear:what>`: a region of the work; only some engines draw it."""

from hub.params.tags.areas import mark
from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    marked = mark(filling, "clear", body)
    filling.ask("clear", "clear", "makes a part of the picture transparent")
    return marked


TAG = Tag(
    names=("clear",),
    forms=("<clear:what>",),
    description="Makes what is named transparent. Refused unless an engine has the feature `clear`.",
    fill=_fill,
    stays=True,
)

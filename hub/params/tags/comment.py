"""`<comment:text>`: a note that no model reads."""

from hub.params.tags.filling import Filling
from hub.params.tags.tag import Tag


def _fill(filling: Filling, options: str | None, body: str) -> str:
    return ""


TAG = Tag(
    names=("comment",),
    forms=("<comment:text>",),
    description="A note: left out with all that is in it.",
    fill=_fill,
)
